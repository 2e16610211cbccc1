"""Follows an import by its live events, and by asking for its status where those are not to be had."""

import time
from collections.abc import Callable

from services.cli.client import Client, LiveEvent, Refused, Silent, Unreachable, path_of
from services.cli.documents import ENDED, Finding, JobStatus, JsonObject
from services.cli.failures import CliError
from services.cli.progress import ProgressView

_FIRST_POLL_SECONDS = 0.05
_SLOWEST_POLL_SECONDS = 0.2
_SILENCE_SECONDS = 30.0
_TRIES = 20  # as long as a killed API takes to be there again
_RECONNECT_SECONDS = 0.3
_SHOWN_FINDINGS = 5
_WHOLE_DATASET = "."

ShouldStop = Callable[[], bool]


def _never() -> bool:
    return False


def wait_for_import(client: Client, job_id: str, *, view: ProgressView, should_stop: ShouldStop = _never) -> JsonObject:
    """The final status of the job, or the newest one when `should_stop` says so first.

    An API that is away for a moment (it is being restarted) is waited for; raises Unreachable after 30 s of silence.
    """
    story = Story(job_id, view)
    if not _listen(client, story, should_stop):
        _ask(client, story, should_stop)
    return story.document


class Story:
    """What is known of one import so far, and shown as it becomes known."""

    def __init__(self, job_id: str, view: ProgressView) -> None:
        self.document: JsonObject = {"job_id": job_id, "state": "queued"}
        self.last_event_id: str | None = None
        self._view = view
        self._findings = 0

    @property
    def path(self) -> str:
        """Where the API has the import."""
        return path_of("datasets", "import", str(self.document["job_id"]))

    @property
    def ended(self) -> bool:
        """True once the final status is known."""
        return JobStatus.model_validate(self.document).ended

    def status(self, document: JsonObject) -> None:
        """Take the whole status."""
        self.document = document
        self._view.show(JobStatus.model_validate(document))

    def hear(self, event: LiveEvent) -> bool:
        """Take an event; True when it is the last. Events of an unknown name mean nothing to us."""
        self.last_event_id = event.id
        if event.name == "finding":
            self._finding(Finding.model_validate(event.data))
        elif event.name in {"snapshot", "end"}:
            self.status(event.data)
        elif event.name == "progress":
            self.status({**self.document, "progress": event.data})
        elif event.name == "state" and event.data.get("state") not in ENDED:  # the end comes with all there is to say
            self.status({**self.document, **event.data})
        return event.name == "end"

    def _finding(self, finding: Finding) -> None:
        self._findings += 1
        if self._findings <= _SHOWN_FINDINGS:
            self._view.note(finding_line(finding))
        elif self._findings == _SHOWN_FINDINGS + 1:
            self._view.note("  further findings are in the report")


def finding_line(finding: Finding) -> str:
    """A finding in a line: severity, place and message."""
    where = f"{finding.file or ''}{f':{finding.line}' if finding.line else ''}"
    return f"  {finding.severity:<8} {f'{where}  ' if where != _WHOLE_DATASET else ''}{finding.message}"


def _listen(client: Client, story: Story, should_stop: ShouldStop) -> bool:
    """Follow the events to the end, or until it is time to stop; False when the status has to be asked for instead."""
    tries = 0
    while tries < _TRIES:
        before = story.last_event_id
        try:
            for event in client.events(f"{story.path}/events", after=story.last_event_id):
                if story.hear(event) or should_stop():
                    return True
        except (Refused, Silent):
            return False
        except Unreachable:
            pass
        if should_stop():
            return True
        tries = 0 if story.last_event_id != before else tries + 1
        time.sleep(_RECONNECT_SECONDS)
    return False


def _ask(client: Client, story: Story, should_stop: ShouldStop) -> None:
    """Ask for the status until the import has ended."""
    delay, answered = _FIRST_POLL_SECONDS, time.monotonic()
    while not should_stop():
        try:
            story.status(client.get(f"{story.path}/status"))
            answered = time.monotonic()
        except (Unreachable, Refused) as error:
            if not _may_pass(error) or time.monotonic() - answered > _SILENCE_SECONDS:
                raise
        if story.ended:
            return
        time.sleep(delay)
        delay = min(_SLOWEST_POLL_SECONDS, delay * 1.3)


def _may_pass(error: CliError) -> bool:
    return isinstance(error, Unreachable) or (isinstance(error, Refused) and error.status in {429, 502, 503, 504})
