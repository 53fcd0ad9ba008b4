"""The events of jobs: the results of mass sends, publications, notices (protocol reference 4)."""

from __future__ import annotations

import msgspec
from msgspec import field

from .base import Event, register


@register(event="templatesendjobfinish")
class TemplateSendJobFinish(Event, frozen=True, kw_only=True):
    """A template message was delivered, or not.

    Attributes:
        job_id: The `MsgID`, which the sending call gave; not `msg_id`.
        status: "success", or "failed:…" with or without a blank after the colon.
    """

    job_id: str = field(name="MsgID", default="")
    status: str = ""


class CopyrightItem(msgspec.Struct, frozen=True, rename="pascal"):
    """One article of a copyright check; the states are the platform's numbers."""

    article_idx: int = 0
    user_declare_state: int = 0
    audit_state: int = 0
    original_article_url: str = ""
    original_article_type: int = 0
    can_reprint: int = 0
    need_replace_content: int = 0
    need_show_reprint_source: int = 0


class CopyrightItems(msgspec.Struct, frozen=True):
    """The articles of a copyright check."""

    item: list[CopyrightItem] = field(default_factory=list[CopyrightItem])


class CopyrightCheckResult(msgspec.Struct, frozen=True, rename="pascal"):
    """The result of the platform's copyright check.

    Attributes:
        count: The number of articles.
        result_list: One entry for each article.
        check_state: The check as a whole, the platform's number.
    """

    count: int = 0
    result_list: CopyrightItems = CopyrightItems()
    check_state: int = 0


class ArticleUrlItem(msgspec.Struct, frozen=True, rename="pascal"):
    """The address of one article of a mass send."""

    article_idx: int = 0
    article_url: str = ""


class ArticleUrlItems(msgspec.Struct, frozen=True):
    """The addresses of the articles of a mass send."""

    item: list[ArticleUrlItem] = field(default_factory=list[ArticleUrlItem])


class ArticleUrlResult(msgspec.Struct, frozen=True, rename="pascal"):
    """The addresses of a mass send's articles."""

    count: int = 0
    result_list: ArticleUrlItems = ArticleUrlItems()


@register(event="masssendjobfinish")
class MassSendJobFinish(Event, frozen=True, kw_only=True):
    """A mass send has ended.

    Attributes:
        job_id: The `MsgID`, which the sending call gave; not `msg_id`.
        status: "send success", "send fail" or "err(…)".
        total_count: Number of followers it was for.
        filter_count: Number of those that were left after filtering.
        sent_count: Number of followers reached.
        error_count: Number of followers not reached.
        copyright_check_result: The check's result; empty if there was no check.
        article_url_result: The articles' addresses; empty if there were none.
    """

    job_id: str = field(name="MsgID", default="")
    status: str = ""
    total_count: int = 0
    filter_count: int = 0
    sent_count: int = 0
    error_count: int = 0
    copyright_check_result: CopyrightCheckResult = CopyrightCheckResult()
    article_url_result: ArticleUrlResult = ArticleUrlResult()


class PublishedArticle(msgspec.Struct, frozen=True):
    """One article of a publication.

    Attributes:
        idx: Its position, counted from 1.
        article_url: Its address.
    """

    idx: int = 0
    article_url: str = ""


class PublishedArticles(msgspec.Struct, frozen=True):
    """The articles of a publication."""

    count: int = 0
    item: list[PublishedArticle] = field(default_factory=list[PublishedArticle])


class PublishEventInfo(msgspec.Struct, frozen=True):
    """The result of a publication.

    Attributes:
        publish_id: Id of the job.
        publish_status: 0 published, 1 in progress, 2 not original, 3 failed, 4 refused, 5 deleted
            by its author, 6 banned; -1 if the platform does not say.
        article_id: "" unless published.
        article_detail: Empty unless published.
        fail_idx: Positions of the refused articles, counted from 1.
    """

    publish_id: str = ""
    publish_status: int = -1
    article_id: str = ""
    article_detail: PublishedArticles = PublishedArticles()
    fail_idx: list[int] = field(default_factory=list[int])


@register(event="publishjobfinish")
class PublishJobFinish(Event, frozen=True, kw_only=True):
    """The publication of a draft has ended."""

    publish_event_info: PublishEventInfo = PublishEventInfo()


# Subscription notices. -----------------------------------------------------------------


class Notice(msgspec.Struct, frozen=True, rename="pascal"):
    """What happened to one template of subscription notices; each event fills its part.

    Attributes:
        template_id: Id of the notice's template.
        subscribe_status_string: "accept" or "reject" (popup and change).
        popup_scene: 1 in a web page, 2 in an article, 0 if the platform does not say (popup).
        job_id: The `MsgID`, which the sending call gave (sent).
        error_code: 0 if it was delivered (sent).
        error_status: The error in words (sent).
    """

    template_id: str = ""
    subscribe_status_string: str = ""
    popup_scene: int = 0
    job_id: str = field(name="MsgID", default="")
    error_code: int = 0
    error_status: str = ""


class Notices(msgspec.Struct, frozen=True, rename="pascal"):
    """What happened, template by template; `entries` is the platform's `List`."""

    entries: list[Notice] = field(name="List", default_factory=list[Notice])


@register(event="subscribe_msg_popup_event")
class SubscribeMsgPopupEvent(Event, frozen=True, kw_only=True):
    """The user accepted or refused notices that a page asked for."""

    subscribe_msg_popup_event: Notices = Notices()


@register(event="subscribe_msg_change_event")
class SubscribeMsgChangeEvent(Event, frozen=True, kw_only=True):
    """The user changed, in the settings, which notices are sent."""

    subscribe_msg_change_event: Notices = Notices()


@register(event="subscribe_msg_sent_event")
class SubscribeMsgSentEvent(Event, frozen=True, kw_only=True):
    """A notice was sent, or could not be."""

    subscribe_msg_sent_event: Notices = Notices()
