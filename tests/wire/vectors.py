"""The worked vectors of protocol reference 1, 2 and 6, as printed there."""

from __future__ import annotations

from dataclasses import dataclass

TOKEN = "MpDemoToken2024"
KEY = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"
PREVIOUS_KEY = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFE"
APP_ID = "wx0123456789abcdef"
USER = "oDemoOpenId0123456789abcdefgh"
ACCOUNT = "gh_0123456789ab"
TIMESTAMP = "1700000001"
NONCE = "987654321"
SIGNATURE = "b60d9e9bcc435c684bf87650fcad478d33934f79"
QUERY = f"signature={SIGNATURE}&timestamp={TIMESTAMP}&nonce={NONCE}&openid={USER}"
RANDOM_IN = b"0123456789abcdef"
RANDOM_OUT = b"fedcba9876543210"
REPLY_TIME = 1700000002

ECHO_QUERY = (
    "signature=91a10d7b3831729a1d50dd61a5d7dcd53a1019a6&echostr=5837465920187465123"
    "&timestamp=1700000000&nonce=1234567890"
)

PLAIN_BODY = """<xml><ToUserName><![CDATA[gh_0123456789ab]]></ToUserName>
<FromUserName><![CDATA[oDemoOpenId0123456789abcdefgh]]></FromUserName>
<CreateTime>1700000001</CreateTime>
<MsgType><![CDATA[text]]></MsgType>
<Content><![CDATA[你好]]></Content>
<MsgId>24000000000000001</MsgId></xml>""".encode()


@dataclass(frozen=True)
class Vector:
    """A message and what it is encrypted to."""

    message: str
    encrypted: str
    signature: str
    app_id: str = APP_ID
    key: str = KEY
    random16: bytes = RANDOM_IN
    token: str = TOKEN
    timestamp: str = TIMESTAMP
    nonce: str = NONCE

    @property
    def query(self) -> str:
        return (
            f"signature={SIGNATURE}&timestamp={self.timestamp}&nonce={self.nonce}&openid={USER}"
            f"&encrypt_type=aes&msg_signature={self.signature}"
        )

    @property
    def body(self) -> bytes:
        return (
            f"<xml><ToUserName><![CDATA[{ACCOUNT}]]></ToUserName>"
            f"<Encrypt><![CDATA[{self.encrypted}]]></Encrypt></xml>"
        ).encode()


A = Vector(
    "<xml><ToUserName><![CDATA[gh_0123456789ab]]></ToUserName>"
    "<FromUserName><![CDATA[oDemoOpenId0123456789abcdefgh]]></FromUserName>"
    "<CreateTime>1700000001</CreateTime><MsgType><![CDATA[text]]></MsgType>"
    "<Content><![CDATA[你好]]></Content><MsgId>24000000000000001</MsgId></xml>",
    "B4PcXgtThYsrOQnzxvXRUMkAfVL6jNnc8M0PMgWkv23ghBqi+ErvYCL56g0fCkm7q6z3pqnWiVqxp9ici8UB8SzSZ/4x"
    "fjDVVWEdzQGSqxfWglv3LmI4lkQZq0ue4qifnMLLWB/ksgKglvP/KKOPp7m9r+KumCMEyG5T1SYomq8bwAr9QCZvYLGb"
    "CdrSPJu/FuriZITvTAqTxhItuZJGwRkbW4rp6hTPLep/1Fep00ovBEjBtHjhqABiwlSltw19IuBBAog1w4uoVQKO5FVs"
    "9X7qPEZ+d9jQnKgLxPmDIQLR7Ta322VMDT3dVJ+GhAKX2jXMTUu9wM1jh9oGEK+B1RnSy3ULlUz3CTlVCECw3FPDic17"
    "XmjYTftVANgtgysVxj/HN9gtAhlqrbhr4JySsLE5EUmRVAePrbmnaCtAF04=",
    "5b34abfdd0c34bf3832bfd5ab0717791be8470b1",
)
B = Vector(
    "<xml><ToUserName><![CDATA[oDemoOpenId0123456789abcdefgh]]></ToUserName>"
    "<FromUserName><![CDATA[gh_0123456789ab]]></FromUserName><CreateTime>1700000002</CreateTime>"
    "<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[收到]]></Content></xml>",
    "lBicGWU1ttZ+wXe8g6QUc2gQasRtz4gPGIc7jHbTBw/2BrycQZ4NUs1scadjKRQX8IJYmR2z1ZXzAaec6FxQbFh9btKp"
    "WA+jNXE+XU3SSGf49mL+boi88pc/+itGhSipQ756sWX/wVVOkAxJAzL5OyZox51qaEj12wT55xV3WHSrO71w9QX9LolT"
    "Jr+Rj4ohp3L+5W6eC9g8uP6qJGOzghDSdC7A3oGANA3ENjS2DJVASlIpoaToEDMOgWWFLSUFgp7lz459BEB/VxXn/4xn"
    "92BGrWW+KWN9ovGEtHu374Xu5Ukq/hRmKkh3JDG549Umc+DnmMcqa6kjXGPbaGess3dRELbeWxtD01bQ4oAlSq7W1SfD"
    "oR50HGj17nYufXzd",
    "f9b3509fc6f6dbd2b461667773071d80fb8b3906",
    random16=RANDOM_OUT,
    timestamp="1700000002",
)
C = Vector(
    "x" * 26,
    "B4PcXgtThYsrOQnzxvXRUB854HSkDrOU0hOqSRO2+YUntlLU1jYRcowFDvCShmT9wiQJcUxpjTlAgkf9ub/AnAEjdK0G"
    "TyqDMnKlbwM6y2WpRcy+86qru9a3OJbpagTt",
    "5a5ff31d563b6aa6c439aaabdb547ad7bec5ad23",
)
D = Vector(
    "success",
    "B4PcXgtThYsrOQnzxvXRUGX/STikRQM3AyK1R95D/Co3l5WguPbbIIQdhyWSB8yv9qXUcgM7+I7K26XOSrasDQ==",
    "4e5e46e0ef223ab62d9e88ccc9882da7b9b3efaa",
)
E = Vector(
    "<xml><a>1</a></xml>",
    "B4PcXgtThYsrOQnzxvXRUE6BHdIJBgud0lGu95rO6VcwDzVy9x+KnM8UqnbpkF0BRd4OcWD6Wn00SDSCu/ipRA==",
    "0f07e20b5f3f97895cf9a9a17138c723051ed8b5",
    app_id="wxffffffffffffffff",
)
F = Vector(
    "<xml><a>1</a></xml>",
    "x12/5hCt8WSD9FOFHMV9L1gyEn/jdeZeKyBMfwYe+j37zJUbw/4yZmhOQAn//RnSftu5xC/5/LMA782QbSVxSg==",
    "be5d70ab40f435832aa0555b730500fa10ac8593",
    key=PREVIOUS_KEY,
)

# The platform's own (protocol reference 6.4), in the JSON data format.
OFFICIAL_TOKEN = "AAAAA"
OFFICIAL_KEY = "A" * 43
OFFICIAL_APP_ID = "wxba5fad812f8e6fb9"
OFFICIAL_ECHO = (
    "signature=f464b24fc39322e44b38aa78f5edd27bd1441696&timestamp=1714036504&nonce=1514711492"
    "&echostr=4375120948345356249"
)
OFFICIAL_PLAIN = ("1714037059", "486452656", "899cf89e464efb63f54ddac96b0a0a235f53aa78")
OFFICIAL_SIGNATURE = "6c5c811b55cc85e0e1b54100749188c20beb3f5d"
OFFICIAL_PUSH = Vector(
    '{"ToUserName":"gh_97417a04a28d","FromUserName":"o9AgO5Kd5ggOC-bXrbNODIiE3bGY",'
    '"CreateTime":1714112445,"MsgType":"event","Event":"debug_demo","debug_str":"hello world"}',
    "+qdx1OKCy+5JPCBFWw70tm0fJGb2Jmeia4FCB7kao+/Q5c/ohsOzQHi8khUOb05JCpj0JB4RvQMkUyus8TPxLKJGQqcv"
    "ZqzDpVzazhZv6JsXUnnR8XGT740XgXZUXQ7vJVnAG+tE8NUd4yFyjPy7GgiaviNrlCTj+l5kdfMuFUPpRSrfMZuMcp3F"
    "n2Pede2IuQrKEYwKSqFIZoNqJ4M8EajAsjLY2km32IIjdf8YL/P50F7mStwntrA2cPDrM1kb6mOcfBgRtWygb3VIYnSe"
    "OBrebufAlr7F9mFUPAJGj04=",
    "046e02f8204d34f8ba5fa3b1db94908f3df2e9b3",
    app_id=OFFICIAL_APP_ID,
    key=OFFICIAL_KEY,
    random16=b"a8eedb185eb2fecf",
    token=OFFICIAL_TOKEN,
    timestamp="1714112445",
    nonce="415670741",
)
OFFICIAL_REPLY = Vector(
    '{"demo_resp":"good luck"}',
    "ELGduP2YcVatjqIS+eZbp80MNLoAUWvzzyJxgGzxZO/5sAvd070Bs6qrLARC9nVHm48Y4hyRbtzve1L32tmxSQ==",
    "1b9339964ed2e271e7c7b6ff2b0ef902fc94dea1",
    app_id=OFFICIAL_APP_ID,
    key=OFFICIAL_KEY,
    random16=b"707722b803182950",
    token=OFFICIAL_TOKEN,
    timestamp="1713424427",
    nonce="415670741",
)
ALL = {
    "A": A,
    "B": B,
    "C": C,
    "D": D,
    "E": E,
    "F": F,
    "official push": OFFICIAL_PUSH,
    "official reply": OFFICIAL_REPLY,
}
