"""Bytes, files and what they mean: everything that is read or written.

SRC is opened as a data set      readers.source.open_source
its bytes are read               store.base.Store.read
an image is decoded, encoded     images.codec.decode, encode
outputs are staged, committed    writers.base.Writer.stage, commit
a chunk is recorded              records.part_files.write_part_file
what stands is read again        records.parts.Parts.read
tables follow from the rows      writers.base.Writer.tables

Readers and writers stand above records, boxes, labels and images, these above the store.

store/base                  what a store is; every byte is read and written through one
store/local                 files and directories
store/local_files           whole files of a local disk, by plain system calls
store/objects               objects in a bucket
store/request_pool          many requests at once
store/hub                   data sets of Hugging Face, which are only read
store/buckets               which of these stores an address leads to
store/object_clients        what speaks to a bucket: endpoints, credentials
store/object_errors         faults of buckets as `StorageError`s
store/object_files          an object read by ranges
store/object_lease          one run at a time on a bucket
store/machine               processes of this machine, and whether they are gone
store/object_locations      what addresses of buckets lead to
store/object_listing        the listing of a bucket, as pages
store/urls                  addresses of buckets, and how they are reached
store/listing               what lies below a directory
store/lease                 who may write: a run alone, or partitions together
store/names                 names of outputs and unfinished files
store/arrow_files           parquet files opened, and their damage named
store/tar_files             members of tar files, written and found
store/contents              what stands in a store, from one listing
store/hashes                the hash by which bytes are known
store/errors                faults of the machine as `StorageError`s
store/locations             what a user's path leads to: a store, and a key
store/streams               stdout and stderr that end no work
store/pointers              Git LFS pointers in the place of files
store/places                DST opened as a store; overlaps refused
store/walk                  a directory tree, page by page
readers/base                what a reader is
readers/source              which reader SRC needs
readers/splits              which splits there are, by the words of names
readers/split_doubts        names that may tell splits, but not as they are read
readers/passed_over         what was found and is not used, in words
readers/unread              annotations beside images that nobody reads by itself, and the cure
readers/layouts             layouts that are not read, named with the cure
readers/folder              image folders: splits, class folders
readers/folder_images       which files of them are images, and of which split
readers/folder_labels       how the images of a folder are labelled
readers/folder_samples      their files and masks, read
readers/parquet_reader      whether SRC is shards
readers/parquet             rows of shards
readers/pairs               images beside their masks
readers/mask_look           whether masks hold classes or instances
readers/named_files         masks, boxes and other files that a folder's tables name
readers/split_boxes         boxes of splits, given or found beside their images
readers/categories          categories of boxes that were read apart: one list, by name
readers/own_boxes           the boxes of an output that is read as an input
readers/described           columns of shards that describe pixels
readers/image_cells         encoded images in columns, in every layout of Arrow
readers/webdataset_reader   whether SRC is tar files of samples
readers/webdataset          samples of tar files: splits, labels, masks and boxes
readers/tar_look            how samples are read, by a look at the first ones
readers/tar_scan            which samples a tar file holds
readers/tar_rows            samples of tar files, read where they lie
readers/yolo_reader         whether SRC is a YOLO data set
readers/yolo                YOLO data sets: images and their labels
readers/yolo_signs          what tells a YOLO data set
readers/yolo_layout         what describes one, where its images lie, how classes are called
readers/yolo_paths          where paths of a description lead
readers/yolo_places         the images of its splits, and the label file of each
readers/yolo_unnamed        images that no split of one names
readers/voc_reader          whether SRC is a Pascal VOC tree
readers/voc_signs           what tells such a tree
readers/voc                 such trees: images, boxes, labels, masks of some
readers/voc_lists           their lists of splits
readers/own_samples         tar files of an output that is read as an input
readers/shard_splits        splits of shards of any kind
readers/ahead               files of buckets read before they are wanted
readers/annotations         which masks and boxes belong to which sample
readers/rows                rows of shards as samples, of which few portions are in memory
readers/portions            portions of their row groups, read
readers/row_keys            the keys of these rows
readers/shards              what shards hold, by their footers
labels/class_list           the class list that the user gives
labels/facts                what is known of labels beside their values
labels/labelling            labels of rows from names, indices, weights
labels/texts                what the texts of a label column say
labels/columns              what a column of labels means
labels/kinds                which kinds of values a column holds
labels/weights              labels from weights per class
labels/choice               which columns are the labels, and which could be
labels/pieces               labels of several files whose class names may differ in order
labels/tables               CSV, parquet and JSON lines opened
labels/file_columns         which column of a table names images
labels/split_columns        columns that name splits
labels/matching             which row belongs to which image
labels/table_rows           labels of images by a table
labels/uniting              one class list for splits that were read apart
boxes/base                  boxes as they are read and written
boxes/coco                  COCO, read
boxes/coco_entries          its ids, names and categories
boxes/coco_outlines         its segmentation, keypoints and area
boxes/contradictions        boxes and areas that contradict outlines
boxes/coco_rle              its compressed text of run lengths
boxes/coco_writing          COCO, written
boxes/decimals              numbers of pixels as they are written
boxes/voc                   Pascal VOC
boxes/voc_corners           how its corners count pixels
boxes/voc_writing           its XML, written
boxes/voc_xml               its XML, parsed: nothing hostile
boxes/yolo                  YOLO labels: read, and written
boxes/yolo_lines            their lines
boxes/yolo_sets             what describes a YOLO data set
boxes/yolo_yaml             YAML, as far as a data.yaml needs it
boxes/yolo_headers          boxes of other formats that become YOLO labels
boxes/columns               boxes in a column of shards
boxes/column_outlines       outlines, keypoints and areas in it
boxes/column_cells          what the cells of such a column say
boxes/recorded              what an output's augcli.json says of masks and boxes
boxes/image_names           names of images, compared
boxes/matching              which boxes belong to which image
boxes/extras                what a file of boxes says beside them, carried along
images/codec                decode and encode
images/facts                what summaries say of the codecs
images/jpeg_header          the tables of a JPEG: quality, end marker
images/geometry             orientation and `--size`
images/outline_geometry     the same of outlines and keypoints
images/index_masks          PNG masks of indices
images/avif_pictures        the pictures in an AVIF's container
images/av1_header           how large frames are, by their own headers
images/headers              what an image says of itself before it is decoded
images/profiles             ICC profiles: which fit, and their place in a JPEG
images/png_chunks           what a PNG holds beside its pixels, where Pillow minds
records/part_files          the rows of a chunk, and its facts
records/step_columns        steps as columns
records/annotation_columns  boxes and masks as columns
records/outline_columns     outlines and keypoints as columns
records/label_columns       label columns of outputs, from exact labels
records/row_statistics      what a report says of the rows of an output
records/box_statistics      and of their boxes
records/counts              what rows are counted by, for the summary
records/row_digests         rows of two outputs, compared by numbers
records/cell_digests        cells of columns as numbers, to be compared
records/cell_bytes          cells of columns as bytes, to be hashed
records/document_sizes      how long tables and documents are, a cache
records/seen_files          which versions of its sources a chunk was made from, a cache
records/plain_values        values of ours as bytes, which run nothing where they are read
records/parts               part files that were read, once each
writers/base                what a writer is
writers/choose              which writer a recipe needs
writers/folder              images in folders, and their tables
writers/parquet             shards
writers/webdataset          tar files of samples
writers/yolo                images, their labels, and a data.yaml
writers/sample_members      what a tar file says of a sample beside its image
writers/shard_bytes         how many bytes shards must have
writers/staged_pairs        encoded images and masks that wait on the disk for their shard
writers/box_columns         the column of boxes of shards
writers/boxes               COCO and VOC files of outputs
writers/labels_csv          labels.csv
writers/card                README.md of an output
writers/comparison          what verify compares written files with
writers/failures            failures.jsonl and warnings.jsonl
writers/metadata            metadata.parquet
encodings                   texts that are not UTF-8, and the cure
split_words                 the words that name splits
hugging_face                the features that Hugging Face reads
"""
