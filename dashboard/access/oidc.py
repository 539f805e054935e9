"""Sign-in by OpenID Connect: authorisation code with PKCE, state and nonce, against the issuer of the settings.

What a person may do comes from claims by the settings' table, each time they sign in. Somebody whose claims make no
role, and who has no account tied to them, is refused.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import structlog
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from dashboard.access.accounts import Account, AccountStore, named, roles_of, staff_of
from dashboard.access.policy import Role
from dashboard.errors import ConfigurationError, TownwatchError

PATIENCE_S = 10.0
MOST_BYTES = 1_000_000
KEPT_S = 3600.0
LEEWAY_S = 60
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures by a key pair only: neither none nor one made with our own secret."""

log = structlog.get_logger("oidc")


class Unknown(TownwatchError):
    """Somebody whom the issuer knows, or says to know, and we do not let in."""

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind


class Unreachable(TownwatchError):
    """The issuer does not answer as it must."""


class Person(msgspec.Struct, frozen=True):
    """Who the issuer says somebody is, mapped."""

    subject: str
    name: str
    roles: frozenset[Role]
    towns: frozenset[str] | None
    staff: str


class Grants(msgspec.Struct, frozen=True):
    """Which claim makes which role."""

    claim: str
    value: str
    role: Role


class Provider:
    """One issuer. Safe to share between threads."""

    def __init__(
        self,
        issuer: str,
        client: str,
        secret: str = "",
        *,
        name: str = "",
        scopes: str = "openid profile",
        roles: str = "",
        towns: str = "",
        staff: str = "",
        public_url: str = "",
        known_towns: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self.issuer, self.client, self.secret, self.name = issuer.rstrip("/"), client, secret, name
        self.scopes, self.public_url = scopes, public_url
        self.mappings = mappings_of(roles)
        self.towns, self.staff, self.known_towns = towns, staff, known_towns
        """``known_towns``: code of every name, alias and code of a town."""
        self._lock = threading.Lock()
        self._about: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None

    # -- the flow ----------------------------------------------------------------------------------------------------

    def begin(self, base: str, target: str) -> tuple[str, str]:
        """Where to send the browser, and what to keep in its cookie meanwhile.

        Raises:
            Unreachable: the issuer does not answer.
        """
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        digest = hashlib.sha256(verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self.client,
            "redirect_uri": f"{base}/signin/oidc/callback",
            "scope": self.scopes,
            "state": state,
            "nonce": nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        where = str(self._metadata()["authorization_endpoint"])
        kept = json.dumps([state, nonce, verifier, target]).encode()
        glue = "&" if "?" in where else "?"
        return f"{where}{glue}{urllib.parse.urlencode(asked)}", base64.urlsafe_b64encode(kept).decode()

    def finish(self, base: str, asked: Mapping[str, str], kept: str, now_s: int) -> tuple[Person, str]:
        """Who came back, and where they wanted to go. ``asked`` is the query of the callback.

        Raises:
            Unknown: it is not the answer to our question, or the issuer refused.
            Unreachable: the issuer does not answer as it must.
        """
        try:
            state, nonce, verifier, target = json.loads(base64.urlsafe_b64decode(kept.encode() or b"!"))
        except (ValueError, TypeError):
            raise _again("state") from None
        if not hmac.compare_digest(str(state).encode(), asked.get("state", "").encode("utf-8", "replace")):
            raise _again("state")
        if asked.get("iss", self.issuer).rstrip("/") != self.issuer:
            raise _again("issuer")
        if "error" in asked or not asked.get("code"):
            raise Unknown("denied", "登录没有完成：身份系统拒绝了 · The identity provider refused the sign-in.")
        given = {
            "grant_type": "authorization_code",
            "code": asked["code"],
            "redirect_uri": f"{base}/signin/oidc/callback",
            "client_id": self.client,
            "code_verifier": str(verifier),
        }
        answer = self._post(str(self._metadata()["token_endpoint"]), given)
        claims = self._claims(str(answer.get("id_token", "")), str(nonce), now_s)
        return self.person(claims), str(target)

    def person(self, claims: Mapping[str, Any]) -> Person:
        """Who a person is to us, from what the issuer says of them."""
        subject = str(claims["sub"])
        name = str(claims.get("preferred_username") or claims.get("name") or subject)[:40]
        roles = {one.role for one in self.mappings if one.value in _values(claims.get(one.claim))}
        towns: frozenset[str] | None = None
        if self.towns:
            said, known = _values(claims.get(self.towns)), self.known_towns()
            towns = None if "all" in said else frozenset(known[one] for one in said if one in known)
        staff = str(claims.get(self.staff, "")) if self.staff else ""
        return Person(f"{self.issuer}|{subject}", name, frozenset(roles), towns, staff)

    def account(self, accounts: AccountStore, now: int, who: Person) -> Account:
        """The account of a person: made or brought up to date from the claims.

        Raises:
            Unknown: nobody has let this person in.
        """
        found = accounts.by_subject(who.subject)
        if found is not None and found.disabled_at is not None:
            raise Unknown("disabled", "这个账号已停用，请找管理员 · This account is disabled: ask the administrator.")
        if found is not None and not self.mappings:
            return found
        if not who.roles or who.towns == frozenset():
            raise Unknown(
                "unknown",
                "你还没有使用镇哨的权限，请找管理员开通（身份系统里没有给你角色或镇街）"
                " · You may not use Townwatch yet: ask the administrator (no role or town in the identity provider).",
            )
        try:
            staff = staff_of(who.staff)
            if found is None:
                return accounts.create(
                    now, named(who.name), roles_of(who.roles), _list(who.towns), staff=staff, subject=who.subject
                )
            return accounts.change(now, found.name, roles=who.roles, towns=_list(who.towns), staff=staff)
        except ConfigurationError as error:
            raise Unknown("name", error.sentence) from None

    # -- what the issuer says ----------------------------------------------------------------------------------------

    def _claims(self, token: str, nonce: str, now_s: int) -> Mapping[str, Any]:
        for fresh in (False, True):
            try:
                claims = dict(jwt.decode(token, self._key_set(fresh), algorithms=ALGORITHMS).claims)
                break
            except (JoseError, ValueError) as error:
                # Keys are changed now and then: the second look is at what is published now.
                if fresh:
                    log.warning("id_token_refused", reason=type(error).__name__)
                    raise _again("signature") from None
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        checks = {
            "issuer": str(claims.get("iss", "")).rstrip("/") == self.issuer,
            "audience": self.client in audiences and (len(audiences) == 1 or claims.get("azp") == self.client),
            "expired": _number(claims.get("exp")) > now_s - LEEWAY_S,
            "time": _number(claims.get("iat")) < now_s + LEEWAY_S,
            "nonce": hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()),
            "subject": isinstance(claims.get("sub"), str) and 0 < len(claims["sub"]) <= 200,
        }
        wrong = [name for name, good in checks.items() if not good]
        if wrong:
            log.warning("id_token_refused", reason=wrong[0])
            raise _again(wrong[0])
        return claims

    def _metadata(self) -> dict[str, Any]:
        with self._lock:
            if self._about is None or time.monotonic() - self._about[0] > KEPT_S:
                found = self._get(f"{self.issuer}/.well-known/openid-configuration")
                if str(found.get("issuer", "")).rstrip("/") != self.issuer:
                    raise Unreachable("身份系统说自己是另一个 · The identity provider says it is another issuer.")
                for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                    if not str(found.get(name, "")).startswith(("https://", "http://")):
                        raise Unreachable(f"身份系统没有给出 {name} · The identity provider gives no {name}.")
                self._about = (time.monotonic(), found)
            return self._about[1]

    def _key_set(self, fresh: bool) -> KeySet:
        where = str(self._metadata()["jwks_uri"])
        with self._lock:
            if self._keys is None or fresh or time.monotonic() - self._keys[0] > KEPT_S:
                self._keys = (time.monotonic(), KeySet.import_key_set(self._get(where)))  # type: ignore[arg-type]
            return self._keys[1]

    def _get(self, address: str) -> dict[str, Any]:
        return _ask(urllib.request.Request(address, headers={"Accept": "application/json"}))  # noqa: S310

    def _post(self, address: str, form: Mapping[str, str]) -> dict[str, Any]:
        request = urllib.request.Request(address, urllib.parse.urlencode(form).encode())  # noqa: S310
        request.add_header("Accept", "application/json")
        if self.secret:
            pair = ":".join(urllib.parse.quote(part, safe="") for part in (self.client, self.secret))
            request.add_header("Authorization", "Basic " + base64.b64encode(pair.encode()).decode())
        return _ask(request)


def _ask(request: urllib.request.Request) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as got:  # noqa: S310 - http(s) by the settings
            body = got.read(MOST_BYTES + 1)
        found = json.loads(body) if len(body) <= MOST_BYTES else None
    except urllib.error.HTTPError as error:
        raise Unreachable(
            f"身份系统回答 {error.code}，登录没有完成 · The identity provider answered {error.code}."
        ) from None
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise Unreachable("身份系统没有应答，请稍后再试 · The identity provider does not answer: try again later.")
    return found


def mappings_of(text: str) -> tuple[Grants, ...]:
    """The setting ``oidc_roles``: ``claim:value=role`` with semicolons between.

    Raises:
        ConfigurationError: one of them is not written so.
    """
    found = []
    for part in filter(None, (one.strip() for one in text.split(";"))):
        left, sign, role = part.rpartition("=")
        claim, colon, value = left.partition(":")
        if not (sign and colon and claim and value):
            raise ConfigurationError(
                f"设置 oidc_roles 里的“{part[:80]}”应写成 声明:值=角色，如 groups:police-chiefs=chief"
                f" · In oidc_roles, {part[:80]!r} should be claim:value=role."
            )
        found.append(Grants(claim, value, next(iter(roles_of([role.strip()])))))
    return tuple(found)


def _values(claim: Any) -> set[str]:
    """A claim's values: lists and texts with commas or spaces between alike."""
    if isinstance(claim, list):
        return {str(one) for one in claim}
    if isinstance(claim, bool):
        return {"true" if claim else "false"}
    if isinstance(claim, str):
        return {claim, *claim.replace(",", " ").split()}
    return set() if claim is None else {str(claim)}


def _number(given: Any) -> float:
    return float(given) if isinstance(given, int | float) and not isinstance(given, bool) else float("nan")


def _again(kind: str) -> Unknown:
    return Unknown(kind, "登录没有完成，请再试一次 · The sign-in was not completed: please try again.")


def _list(towns: frozenset[str] | None) -> list[str] | None:
    return None if towns is None else sorted(towns)
