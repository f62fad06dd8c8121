"""Every byte that is read or written goes through here.

base       what a store is: eight verbs over keys; `Sink`, of which a store is one
local      a store on a local disk
walk       listing a directory for it
objects    a store in a bucket, over the other modules of that name
urls       addresses of such stores
contents   what stands in a store, from one listing
lease      one run at a time on an output
names      how files of an output are named, and known to be ours
places     directories that users name: opened, and refused where they overlap
listing    listing the input
streams    the process's own stdout and stderr
errors     faults of the machine as `StorageError`s
"""
