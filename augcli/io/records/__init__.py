"""The rows of outputs, which commit a chunk and from which all tables follow.

part_files           rows as a table, and the part file of a chunk
parts                part files that were read, once each
row_statistics       what a report says of the rows
counts               what the rows of a split are counted by
step_columns         programs and labels as columns, and read back
annotation_columns   masks and boxes as columns
label_columns        the label columns of tables
"""
