"""How an output lies on disk.

base         what a writer does
choose       the writers by the name of their layout
folder       images in class folders, two tables beside them
parquet      shards
yolo         images, labels and a data.yaml
metadata     the table `metadata.parquet` of a folder
labels_csv   the table `labels.csv` of a folder
boxes        files of boxes
card         README.md
failures     failures.jsonl and warnings.jsonl
comparison   comparing with what stands, instead of writing
"""
