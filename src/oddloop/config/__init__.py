"""`oddloop.toml` as frozen dataclasses: every setting with its default, unit and meaning, a module per stage.

The file is read once, at the edge, by `load_config`.
"""

from oddloop.config.clusters import ClusterConfig
from oddloop.config.coverage import (
    AttributeConfig,
    AttributeKind,
    CoverageConfig,
    CurvesConfig,
    DiagnosisConfig,
    MetricConfig,
    SlicesConfig,
    VolumeConfig,
)
from oddloop.config.datasets import DatasetsConfig
from oddloop.config.detection import BoxMeasure, DetectionConfig, DetectionMeasure, ObjectMeasure
from oddloop.config.duplicates import DuplicatesConfig
from oddloop.config.engine import EngineConfig
from oddloop.config.evidence import EvidenceConfig
from oddloop.config.funnel import FunnelConfig
from oddloop.config.intake import How, IntakeConfig
from oddloop.config.labelling import LabellingConfig
from oddloop.config.leading import leading_metric
from oddloop.config.leakage import LeakageConfig, LeakageRule
from oddloop.config.load import Config, config_from_mapping, load_config
from oddloop.config.map import MapConfig, MapMethod
from oddloop.config.names import NamesConfig
from oddloop.config.objectives import ObjectiveConfig
from oddloop.config.ood import FeatureMethod, OodConfig, TelemetryMethod
from oddloop.config.page import PageConfig
from oddloop.config.publish import PublishConfig
from oddloop.config.quotas import GapDrivenConfig, QuotaConfig
from oddloop.config.redundancy import RedundancyConfig
from oddloop.config.review import ReviewConfig
from oddloop.config.risk import RiskConfig
from oddloop.config.score import (
    MeanMeasure,
    Measure,
    MemberMeasure,
    Reduction,
    SceneScoreConfig,
    SceneSummary,
    ScoreConfig,
    TrajectoryMeasure,
)
from oddloop.config.segmentation import SegmentationConfig
from oddloop.config.select import CostConfig, DiscoverConfig, SelectConfig
from oddloop.config.stop import StopConfig
from oddloop.config.tracker import DeployConfig, TrackerConfig
from oddloop.config.train import EvaluateConfig, HookConfig, TrainConfig
from oddloop.config.vectors import Block, VectorsConfig
from oddloop.config.web import Role, WebConfig
from oddloop.config.workspace import (
    FORMAT,
    ColumnSource,
    LakeConfig,
    LedgerConfig,
    ModelConfig,
    RowConfig,
    WorkspaceConfig,
)

__all__ = [
    "FORMAT",
    "AttributeConfig",
    "AttributeKind",
    "Block",
    "BoxMeasure",
    "ClusterConfig",
    "ColumnSource",
    "Config",
    "CostConfig",
    "CoverageConfig",
    "CurvesConfig",
    "DatasetsConfig",
    "DeployConfig",
    "DetectionConfig",
    "DetectionMeasure",
    "DiagnosisConfig",
    "DiscoverConfig",
    "DuplicatesConfig",
    "EngineConfig",
    "EvaluateConfig",
    "EvidenceConfig",
    "FeatureMethod",
    "FunnelConfig",
    "GapDrivenConfig",
    "HookConfig",
    "How",
    "IntakeConfig",
    "LabellingConfig",
    "LakeConfig",
    "LeakageConfig",
    "LeakageRule",
    "LedgerConfig",
    "MapConfig",
    "MapMethod",
    "MeanMeasure",
    "Measure",
    "MemberMeasure",
    "MetricConfig",
    "ModelConfig",
    "NamesConfig",
    "ObjectMeasure",
    "ObjectiveConfig",
    "OodConfig",
    "PageConfig",
    "PublishConfig",
    "QuotaConfig",
    "Reduction",
    "RedundancyConfig",
    "ReviewConfig",
    "RiskConfig",
    "Role",
    "RowConfig",
    "SceneScoreConfig",
    "SceneSummary",
    "ScoreConfig",
    "SegmentationConfig",
    "SelectConfig",
    "SlicesConfig",
    "StopConfig",
    "TelemetryMethod",
    "TrackerConfig",
    "TrainConfig",
    "TrajectoryMeasure",
    "VectorsConfig",
    "VolumeConfig",
    "WebConfig",
    "WorkspaceConfig",
    "config_from_mapping",
    "leading_metric",
    "load_config",
]
