"""One task on one worker: samples become outputs."""
