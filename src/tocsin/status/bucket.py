"""The site in storage that speaks S3: Amazon's, or any that is asked and signed for in the same way."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta

import httpx2

from tocsin.kit import sigv4
from tocsin.kit.clock import stopwatch
from tocsin.kit.sigv4 import Credentials
from tocsin.kit.text import clip
from tocsin.status.places import MANIFEST, NotTaken, Took, digests, in_order, manifest, read_manifest
from tocsin.status.site import JSON, AnyFile, File

AT_A_TIME = timedelta(seconds=15)  # that one attempt may take; what is left is done by the next
WAIT = 10.0  # seconds for one answer
TOGETHER = 16  # requests that travel at a time
CACHED = "public, max-age=30"
ADVICE = {
    403: "the key may not do this, or is wrong: TOCSIN_STATUS_S3_KEY and TOCSIN_STATUS_S3_SECRET",
    404: "there is no such bucket",
    301: "the bucket is in another region: TOCSIN_STATUS_S3_REGION",
}


class Bucket:
    def __init__(
        self, url: str, bucket: str, folder: str, credentials: Credentials, now: Callable[[], datetime]
    ) -> None:
        self.name = f"s3://{'/'.join(part for part in (bucket, folder) if part)}"
        self._base = f"{url.rstrip('/')}/{sigv4.path_of(bucket)}/"
        self._folder = f"{folder.strip('/')}/" if folder.strip("/") else ""
        self._credentials = credentials
        self._now = now

    def publish(self, files: Mapping[str, AnyFile]) -> Took:
        began, wanted = stopwatch(), digests(files)
        with self._asked() as client:
            known = self._known(client)
            there = dict(known)
            news = [name for name in in_order(files) if known.get(name) != wanted[name]]
            written = 0
            for batch in _batches(news):
                if stopwatch() - began > AT_A_TIME.total_seconds():
                    break
                self._all(lambda name: self._put(client, name, files[name]), batch)
                there.update({name: wanted[name] for name in batch})
                written += len(batch)
            unfinished = written < len(news)
            gone = [] if unfinished else [name for name in known if name not in wanted]
            self._all(lambda name: self._ask(client, "DELETE", name), gone)
            kept = {name: digest for name, digest in there.items() if name not in gone}
            if kept != known:
                self._put(client, MANIFEST, File(manifest(kept), JSON))
        return Took(written, len(gone), unfinished)

    @contextmanager
    def _asked(self) -> Iterator[httpx2.Client]:
        try:
            with httpx2.Client(timeout=WAIT, follow_redirects=False) as client:
                yield client
        except httpx2.HTTPError as error:
            raise NotTaken(f"{self.name} does not answer: {str(error) or type(error).__name__}") from None

    @staticmethod
    def _all(act: Callable[[str], object], names: Sequence[str]) -> None:
        with ThreadPoolExecutor(TOGETHER) as pool:
            list(pool.map(act, names))

    def _known(self, client: httpx2.Client) -> dict[str, str]:
        answer = self._ask(client, "GET", MANIFEST, missing=True)
        return read_manifest(answer.content) if answer.status_code == 200 else {}

    def _put(self, client: httpx2.Client, name: str, file: AnyFile) -> None:
        self._ask(client, "PUT", name, file.body, {"content-type": file.kind, "cache-control": CACHED})

    def _ask(
        self,
        client: httpx2.Client,
        method: str,
        name: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        missing: bool = False,
    ) -> httpx2.Response:
        url = self._base + sigv4.path_of(self._folder + name)
        signed = sigv4.signed(self._credentials, method, url, headers or {}, body, self._now())
        answer = client.request(method, url, content=body, headers=signed)
        if answer.is_success or (missing and answer.status_code == 404 and b"NoSuchBucket" not in answer.content):
            return answer
        advice = ADVICE.get(answer.status_code, clip(answer.text, 200))
        raise NotTaken(f"{self.name} answers {method} with {answer.status_code}: {advice}")


def _batches(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for begin in range(0, len(names), 4 * TOGETHER):
        yield names[begin : begin + 4 * TOGETHER]
