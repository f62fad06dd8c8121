"""What stands in DST, and how it gets there.

state           one look at DST: is it ours, what of it is still true, what is to be done
stored_recipe   the recipe of an output, compared with that of a run
commit          beginning an output, and marking it complete
relabel         label columns of shards that stand, written anew
documents       tables and documents, which follow from part files
stored_splits   the splits of an output, as its own files tell them
summarize       what an output holds, and what a run would do
"""
