"""KITTI tracking: label_02 text files and PointRCNN detections; the reader is `source.Kitti`."""
