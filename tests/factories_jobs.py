"""A job server that stands in for Ray's."""

from types import SimpleNamespace

from ray.job_submission import JobStatus

from ecgbatch.flow.submit import Job

JOB = Job("convert", ("s3://archive/a b", "s3://lake", "--config", "run.toml"))


class Server:
    """A job server whose jobs end as the test says, and whose connections may break."""

    def __init__(self):
        self.jobs = {}
        self.log = ["one\n", "two\n", "three\n"]
        self.breaks_after = []
        self.submitted = []
        self.ends = None

    def submit_job(self, *, entrypoint, submission_id, runtime_env, metadata):
        name = submission_id or "raysubmit_1"
        if name in self.jobs:
            raise RuntimeError("status code 500: already exists")
        self.submitted.append((name, runtime_env))
        self.has(name, "RUNNING", entrypoint=entrypoint)
        return name

    def has(self, name, status, *, code=None, entrypoint=JOB.entrypoint, error_type=None):
        self.jobs[name] = SimpleNamespace(
            status=JobStatus(status),
            driver_exit_code=code,
            entrypoint=entrypoint,
            error_type=error_type,
        )

    def get_job_info(self, name):
        if name not in self.jobs:
            raise RuntimeError("Request failed with status code 404")
        return self.jobs[name]

    def get_job_status(self, name):
        return self.get_job_info(name).status

    async def tail_job_logs(self, _):
        left = self.breaks_after.pop(0) if self.breaks_after else None
        for count, text in enumerate(self.log):
            if count == left:
                raise RuntimeError("WebSocket connection closed unexpectedly")
            yield text
        if self.ends is not None:
            name, status, code = self.ends
            self.has(name, status, code=code)

    def stop_job(self, name):
        going = not self.jobs[name].status.is_terminal()
        if going:
            self.has(name, "STOPPED")
        return going
