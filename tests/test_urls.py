from __future__ import annotations

import pytest

from mnistbench.urls import hide_userinfo, without_userinfo


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("", ""),
        ("s3://bucket/mnist", "s3://bucket/mnist"),
        ("s3://bucket/a@b", "s3://bucket/a@b"),
        ("s3://bucket?name=a@b", "s3://bucket?name=a@b"),
        ("http://host:8080/a@b", "http://host:8080/a@b"),
        ("http://host:8080", "http://host:8080"),
        ("http://[::1]:80/a@b", "http://[::1]:80/a@b"),
        ("/plain/path@here", "/plain/path@here"),
        ("user@host", "user@host"),
        ("file:///net/runs", "file:///net/runs"),
        ("sftp://bob@host/x", "sftp://host/x"),
        ("sftp://bob:hunter2@host:22/x", "sftp://host:22/x"),
        ("sftp://:hunter2@host/x", "sftp://host/x"),
        ("sftp://bob:@host/x", "sftp://host/x"),
        ("sftp://@host/x", "sftp://host/x"),
        ("sftp://bob:p%40ss@host/x@y", "sftp://host/x@y"),
        ("sftp://bob:p@ss@host/x", "sftp://host/x"),
        ("sftp://bob:pa/ss@host/x", "sftp://host/x"),
        ("sftp://bob:1234/ss w#rd?@host/x", "sftp://bob:1234/ss w#rd?@host/x"),  # a port is all that this can be
        ("sftp://bob:pa ss@host/x", "sftp://host/x"),
        ("sftp://bob:pa#ss?\n@host/x", "sftp://host/x"),
        ("simplecache::ftp://bob:hunter2@host/x", "simplecache::ftp://host/x"),
        ("--results-to=ftp://bob:hunter2@host/x", "--results-to=ftp://host/x"),
        ("a::ftp://bob:hunter2@host/x::b://eve:two@other", "a::ftp://host/x::b://other"),
    ],
)
def test_a_url_is_shown_without_who_and_how(url: str, shown: str) -> None:
    assert without_userinfo(url) == shown


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s3://bucket/x", {"no access to s3://bucket/x": "no access to s3://bucket/x"}),
        ("ftp://@host/x", {"anonymous: no": "anonymous: no"}),
        (r"sftp://\1:(@host/x", {r"\1 and (": "*** and ***"}),
        ("sftp://bob:pa/ss@host/x", {"port 'pa' of Bob": "port '***' of ***"}),
        (
            "sftp://bob:p%40s@host/x",
            {
                "no access to sftp://bob:p%40s@host/x": "no access to sftp://host/x",
                "bob may not, b'p%40s' is wrong": "*** may not, b'***' is wrong",
                "'p@s' is wrong": "'***' is wrong",
                "bob:p%40s@host: bobby": "***@host: bobby",
            },
        ),
    ],
)
def test_what_somebody_said_of_a_url_names_neither(url: str, said: dict[str, str]) -> None:
    assert {text: hide_userinfo(text, url) for text in said} == said
