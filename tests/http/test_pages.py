"""What browsers take for a page, by the head alone; the bodies are in test_forward."""

from __future__ import annotations

import pytest

from proxy.http.pages import Form, form_of

NOSNIFF = (b"x-content-type-options", b"nosniff")


@pytest.mark.parametrize(
    ("headers", "form"),
    [
        ([(b"content-type", b"text/html")], Form.PAGE),
        ([(b"content-type", b"text/html;charset=x"), NOSNIFF], Form.PAGE),
        ([(b"content-type", b"Text/Html ; x")], Form.PAGE),
        ([(b"content-type", b"application/xhtml+xml")], Form.PAGE),
        ([(b"content-type", b"text/plain"), (b"content-type", b"text/html")], Form.PAGE),
        ([(b"content-type", b"text/html"), (b"content-type", b"text/plain")], Form.PAGE),
        ([(b"content-type", b"text/htmlx")], Form.OTHER),
        ([(b"content-type", b"text/plain")], Form.OTHER),
        ([(b"content-type", b"application/octet-stream")], Form.OTHER),
        ([(b"content-type", b"image/svg+xml")], Form.OTHER),
        ([], Form.UNSAID),
        ([(b"content-type", b"")], Form.UNSAID),
        ([(b"content-type", b"html")], Form.UNSAID),
        ([(b"content-type", b"unknown/unknown")], Form.UNSAID),
        ([(b"content-type", b"*/*")], Form.UNSAID),
        ([NOSNIFF], Form.OTHER),
        ([(b"x-content-type-options", b"NoSniff, x")], Form.OTHER),
        ([(b"x-content-type-options", b"x, nosniff")], Form.UNSAID),
        ([(b"content-type", b"text/html"), (b"content-disposition", b"Attachment; filename=a")], Form.OTHER),
        ([(b"content-type", b"text/html"), (b"content-disposition", b"inline")], Form.PAGE),
        (
            [(b"content-type", b"text/html"), *[(b"content-disposition", b) for b in (b"inline", b"attachment")]],
            Form.PAGE,
        ),
        ([(b"content-type", b"text/html"), (b"content-disposition", b"attachments")], Form.PAGE),
    ],
)
def test_what_a_browser_takes_it_for(headers: list[tuple[bytes, bytes]], form: Form) -> None:
    assert form_of(headers) is form
