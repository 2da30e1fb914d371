"""Clusters over time: lasting ids, what people say of them, and what follows from a name."""

from oddloop.rounds.discovery.catalogue import describe_scenarios
from oddloop.rounds.discovery.find import Lookup, SceneQuery, find_scenes
from oddloop.rounds.discovery.lasting import Lasting, last_clustered, read_lasting, record_clusters
from oddloop.rounds.discovery.measured import measure_clusters
from oddloop.rounds.discovery.names import Note, Question, Scenario, fold_names, open_questions
from oddloop.rounds.discovery.people import last_said, name_cluster, settle_question
from oddloop.rounds.discovery.read import Discovery, rank_said, read_cards, read_discovery
from oddloop.rounds.discovery.scenarios import read_scenarios

__all__ = [
    "Discovery",
    "Lasting",
    "Lookup",
    "Note",
    "Question",
    "Scenario",
    "SceneQuery",
    "describe_scenarios",
    "find_scenes",
    "fold_names",
    "last_clustered",
    "last_said",
    "measure_clusters",
    "name_cluster",
    "open_questions",
    "rank_said",
    "read_cards",
    "read_discovery",
    "read_lasting",
    "read_scenarios",
    "record_clusters",
    "settle_question",
]
