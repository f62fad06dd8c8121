"""A run: from listed samples to committed outputs.

list       io.readers.source.open_source: samples, labels, splits, masks, boxes
look       output.look.look, output.state.survey: what stands in DST, and what is to be made
plan       plan.splits.plan_splits: rings, chunks; plan.tasks.cut_todo: tasks
hand out   workplace.open_workplace, worker.chunks.make_chunks, engines.base.Engine.run
read       worker.window.Window: samples read ahead, decoded once, let go
plan       worker.planner.Planner: the programs of a window's outputs
make       worker.maker.Maker: steps applied, pixels encoded
label      worker.describe: names, labels, shares; worker.collector: staged in batches
commit     worker.commit.commit_chunk: outputs published, then the part file
close      output.tables.Tables, output.documents.finish; output.commit.mark_complete

run stands above output, worker and engines, these above plan.

run                   one whole run, top to bottom
extent                how much of an output a run makes, and what that means for the rest of it
completion            what a run does where something is to be made or compared
partition             what one partition makes of an output
planned               planning for partitions, and the extent of one that was planned
merge                 what closes an output that partitions made
workplace             where the tasks of a run are done
settings              how a run is done
environment           whether two machines would write the same bytes
differences           two outputs, or two recipes, compared
document_differences  what documents of two outputs say otherwise
inspection            an output that stands, counted for people to look at
verify                whether an output is what was written
recompute             outputs made again from their sources, for verify
preview               outputs made in memory, to be looked at before a run
doctor                what this machine has
results               what a run did, and what a verification found
part_check            one part file and its outputs, checked
plan/rings            who meets whom
plan/chunks           what is committed together
plan/splits           the chunks of every split: the augmented one, and those passed on
plan/fingerprint      what decided a chunk
plan/doubts           chunks that stand if their sources are still the same
plan/partitions       which chunks are whose, where several calls make one output
plan/slices           no more of a plan than one partition needs
plan/digest           what decides an output beside its sources: the recipe
plan/job              what every task of a split needs
plan/checks           what input and recipe must allow together
plan/limits           how much is done at once
plan/tasks            what one worker does in one go, and the slice of the plan for it
worker/execute        the walk along an arc of a ring
worker/window         the samples in memory around a position
worker/neighbours     what is known of the samples around a position, and who is a partner
worker/drawing        which operations an output gets
worker/planner        the programs of a window's outputs
worker/maker          apply and encode
worker/annotations    masks and boxes of the samples at hand
worker/values         a loaded sample, a plan, what was made
worker/chunks         chunks from their tasks, handed to an engine
worker/collector      outputs on their way out: labelled and staged
worker/remarks        what of outputs is worth a line in the summary
worker/staging        outputs staged, elsewhere while others are made
worker/commit         the commit of a chunk
worker/describe       what tables say of an output
worker/loader         samples from their bytes
worker/compare        sources read again, to know whether they are still the same
worker/contents       what is read of a sample, and its hash
worker/preparer       what an output is made from, decoded
worker/encodings      how outputs are written, by headers alone
worker/task           a task: a value that pickles, and what a worker does with it
output/look           one listing of DST, and whether it is still true
output/state          what stands in DST, and why a chunk is made again
output/commit         beginning an output, and the mark that it is complete
output/plan_files     what a partition says that it makes
output/slice_files    what a partition reads of a plan
output/planned_parts  the part files that plans name
output/agreement      whether plans and parts make one output
output/tables         tables, written while chunks are made
output/documents      class list, card, failures, and what is removed
output/notes          what is worth a line in the summary before anything is made
output/compare_documents  tables and documents that stand, compared with part files
output/troubles       what of an output does not stand as it should
output/effects        which options had no effect
output/summarize      counts for the summary
output/relabel        label columns of shards that stand, written anew
output/stored_recipe  the recipe of an output, compared with that of a run
output/stored_splits  the splits of an output, as its own files tell them
engines/base          what an engine is: run(work, tasks) gives results
engines/cpus          how many CPUs may be used
engines/local         processes and threads of this machine
engines/connections   a connection to each worker that is a process
engines/forked        workers that are forked from this process
engines/fork_server   a fresh process that forks workers
engines/remote        what another machine does, and what comes back
engines/dispatch      tasks on their way through a cluster
engines/ray           a cluster, by Ray
engines/processes     what processes do that work for another
"""
