"""The Celery application of the contract tests' worker: its two tasks report each run to a web server."""

import os
import urllib.request

from shared.adapters.celery_broker import CALLBACK_TASK, RUN_JOB_TASK, make_celery

app = make_celery(os.environ["CONTRACT_BROKER_URL"])
RECORDER = os.environ["CONTRACT_RECORDER_URL"]


def post(path: str) -> None:
    request = urllib.request.Request(f"{RECORDER}{path}", method="POST", data=b"")
    with urllib.request.urlopen(request, timeout=5):
        pass


@app.task(name=CALLBACK_TASK, bind=True, max_retries=8)
def callback(self, job_id: str) -> None:
    try:
        post(f"/tasks/{job_id}")
    except OSError as error:
        raise self.retry(exc=error, countdown=0.2) from error


@app.task(name=RUN_JOB_TASK)
def run_job(job_id: str) -> None:
    post(f"/runs/{job_id}")
