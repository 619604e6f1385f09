import aiohttp
import botocore.exceptions as boto
import pytest

from ecgbatch.storage.verdict import FAILURES, Kind, ShortBodyError, judge


def answer(status, code):
    response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return boto.ClientError(response, "GetObject")


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (503, "SlowDown", Kind.SLOW_DOWN),
        (503, "", Kind.SLOW_DOWN),
        (429, "TooManyRequests", Kind.SLOW_DOWN),
        (500, "InternalError", Kind.BROKEN),
        (502, "", Kind.BROKEN),
        (400, "RequestTimeout", Kind.BROKEN),
        (403, "ExpiredToken", Kind.EXPIRED),
        (404, "NoSuchKey", Kind.GONE),
        (404, "404", Kind.GONE),
        (412, "PreconditionFailed", Kind.CHANGED),
        (304, "304", Kind.CHANGED),
        (409, "ConditionalRequestConflict", Kind.CONFLICT),
        (403, "AccessDenied", Kind.DENIED),
        (403, "403", Kind.DENIED),
        (404, "NoSuchBucket", Kind.FATAL),
        (403, "RequestTimeTooSkewed", Kind.FATAL),
        (403, "SignatureDoesNotMatch", Kind.FATAL),
        (507, "XMinioStorageFull", Kind.FATAL),
        (307, "TemporaryRedirect", Kind.FATAL),
        (307, "", Kind.FATAL),
        (501, "NotImplemented", Kind.FATAL),
        (400, "InvalidRequest", Kind.ODD),
    ],
)
def test_every_answer_has_one_meaning(status, code, kind):
    assert judge(answer(status, code)).kind is kind


def test_a_word_that_is_not_known_is_not_repeated():
    verdict = judge(answer(400, "Müller, Anna 1950"))
    assert verdict.code == "400"


def test_every_fatal_answer_says_what_to_do():
    fatal = [
        answer(403, "InvalidAccessKeyId"),
        answer(404, "NoSuchBucket"),
        boto.NoCredentialsError(),
        boto.ProfileNotFound(profile="x"),
        boto.SSLError(endpoint_url="x", error="certificate verify failed"),
    ]
    for error in fatal:
        verdict = judge(error)
        assert verdict.kind is Kind.FATAL
        assert len(verdict.fix.split()) > 5


@pytest.mark.parametrize(
    "error",
    [
        ShortBodyError(),
        ConnectionResetError(),
        TimeoutError(),
        aiohttp.ClientPayloadError(),
        boto.EndpointConnectionError(endpoint_url="x"),
        boto.FlexibleChecksumError(error_msg="x"),
    ],
)
def test_what_is_no_whole_answer_is_asked_again(error):
    assert isinstance(error, FAILURES)
    assert judge(error).kind is Kind.BROKEN
