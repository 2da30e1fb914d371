"""Parquet and CSV files that already have oddloop's columns, or nearly."""

from oddloop.exchange.generic.ingest import ingest_tables

__all__ = ["ingest_tables"]
