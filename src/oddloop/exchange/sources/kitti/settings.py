"""Settings that suit the tables which `Kitti` gives, for a new `oddloop.toml`."""

SETTINGS = """\
[attributes.traffic_density]
kind = "ordered"
values = ["none", "low", "medium", "high"]

[attributes.agents_present]
kind = "multilabel"
values = ["Pedestrian", "Car", "Cyclist"]

[metrics]
fp_fn_per_frame = { better = "lower" }
fp_fn_per_frame_car = { better = "lower" }
fp_fn_per_frame_pedestrian = { better = "lower" }
fp_fn_per_frame_cyclist = { better = "lower" }
precision_car = { better = "higher" }
precision_pedestrian = { better = "higher" }
precision_cyclist = { better = "higher" }
recall_car = { better = "higher" }
recall_pedestrian = { better = "higher" }
recall_cyclist = { better = "higher" }
"""
