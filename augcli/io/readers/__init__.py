"""What the input means: data sets as their samples, labels, masks and boxes.

A reader is one module of this package, and one line here. Every run asks each of them whether SRC is its own,
so what opens a data set of its layout is loaded when one is opened.
"""

from augcli.io.readers import folder as folder
from augcli.io.readers import parquet_reader as parquet_reader
from augcli.io.readers import voc_reader as voc_reader
from augcli.io.readers import webdataset_reader as webdataset_reader
from augcli.io.readers import yolo_reader as yolo_reader
