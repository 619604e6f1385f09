"""Where stages run, and how their rows reach the tables; the one place that knows Ray.

The doors, each in the module of its name::

    run.convert(source, out, *, stages, config, run_id=None, local=False, progress=None)
    retry.retry(out, *, stages, reasons, config, run_id=None, local=False, progress=None)
    verify.verify(out, *, config, release=None) -> VerifyReport
    status.status(out, *, config, run_id=None) -> RunStatus

``convert`` and ``retry`` return a ``summary.RunSummary`` whose ``exit_status`` is one of
``summary``'s; they raise only ``errors.RunError``, which ``summary.exit_status_of`` turns into one.
"""
