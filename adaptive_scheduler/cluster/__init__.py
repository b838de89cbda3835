"""Work on other machines, carried by dask.distributed: imported only where a task or a command needs it."""
