"""Reads, writes and watches the state of a running Stormkite app. Needs Python 3.9 and nothing else.

    import stormkite

    app = stormkite.connect()                  # the app that started this program, or connect("http://127.0.0.1:7501")
    print(app.state.train.loss)                # read
    app.state.requests = app.state.requests + [{"name": "ann", "stop": False}]    # write
    for change in app.watch("/works/train/vars/loss"):                            # watch
        print(change.value)

What a field holds is read from the app each time. A list or dict that was read is an ordinary one: change it, then assign it.
Only what differs from what was read is sent, and an item of a list is written only if it is still what was read; otherwise
nothing is written and Conflict is raised.
"""

import copy
import http.client
import json
import os
import random
import re
import threading
import time
import unicodedata
from urllib.parse import quote, urlencode, urlsplit

__all__ = ["App", "Change", "Conflict", "State", "StormkiteError", "Unreachable", "connect", "snapshot"]

_REQUEST_S = 30
# More than the time between two signs of life of the stream.
_SILENCE_S = 60
_MIN_DELAY_S = 0.25
_MAX_DELAY_S = 10
_ATTEMPTS = 100
_GROUPS = (("works", "work"), ("flows", "flow"), ("structures", "structure"))
_ENDED = ("stopped", "failed")


class StormkiteError(Exception):
    """What an app refused, with its code (docs/errors.md) and what to do next."""

    def __init__(self, code, message, hint=None, status=None):
        super().__init__(f"{code}: {message}" + (f" (hint: {hint})" if hint else ""))
        self.code = code
        self.message = message
        self.hint = hint
        self.status = status


class Unreachable(StormkiteError):
    """The app does not answer. Whether a write was applied is not known."""


class Conflict(StormkiteError):
    """Somebody else changed the value meanwhile; nothing was written. `current` is what is there now."""

    def __init__(self, code, message, hint=None, status=None, current=None):
        super().__init__(code, message, hint, status)
        self.current = current


class Change:
    """The value at a watched pointer as of one version of the state; `exists` is false when nothing is there."""

    def __init__(self, version, value, exists):
        self.version = version
        self.value = value
        self.exists = exists

    def __repr__(self):
        return f"Change(version={self.version}, value={self.value!r})"


def connect(url=None, token=None, name=None):
    """A client of a running app.

    `url` is what `stormkite run` printed, by default STORMKITE_STATE_URL; `token` is by default the one in the URL, else
    STORMKITE_TOKEN when the URL was not given; `name` is shown in the app's history, its letters without accents and without
    other scripts.
    """
    given = url or os.environ.get("STORMKITE_STATE_URL")
    if not given:
        raise StormkiteError(
            "CLIENT_URL_MISSING",
            "there is no URL to connect to",
            "pass the address that `stormkite run` printed, or set STORMKITE_STATE_URL",
        )
    if token is None and not url:
        token = os.environ.get("STORMKITE_TOKEN")
    return App(given, token, name)


def snapshot(state):
    """A plain copy of a State, or of a value that was read from one, with everything below it."""
    return state._plain() if isinstance(state, State) else copy.deepcopy(state)


class App:
    """A running app. `state` is the state of its root."""

    def __init__(self, url, token=None, name=None):
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Unreachable("SERVER_UNREACHABLE", f"{url} does not answer: it is not a URL")
        in_url = re.search(r"(?:^|&)token=([^&]*)", parts.query)
        self._secure = parts.scheme == "https"
        self._host = parts.hostname
        self._port = parts.port
        self._base = re.sub(r"/(?:api/v1(?:/state)?|view)$", "", parts.path.rstrip("/")) + "/api/v1"
        self._token = token if token is not None else (in_url.group(1) if in_url else None)
        self._name = _header_text(name or "")
        # Values that were handed out, by pointer: what the app had (as canonical JSON), and the object.
        self._seen = {}
        self._lock = threading.RLock()
        self.state = State(self, "", "flow")

    def read(self, pointer=""):
        """The value at a JSON Pointer of the state document."""
        return self._json("GET", "/state" + quote(pointer))

    def patch(self, ops, if_match=None):
        """Applies a JSON Patch, all or nothing; gives its version when it is committed."""
        headers = {} if if_match is None else {"if-match": if_match}
        return self._json("PATCH", "/state", ops, headers)["version"]

    def write(self, pointer, value):
        """Puts a value at a pointer, whether or not there is one; gives the version."""
        try:
            return self.patch([{"op": "replace", "path": pointer, "value": value}])
        except Conflict:
            raise
        except StormkiteError as error:
            if error.code not in ("SERVER_PATCH_TARGET_UNKNOWN", "SERVER_PATCH_REFUSED"):
                raise
            return self.patch([{"op": "add", "path": pointer, "value": value}])

    def compare_and_set(self, pointer, expected, value):
        """Puts a value at a pointer if `expected` is what is there; raises Conflict with what is there instead."""
        ops = [
            {"op": "test", "path": pointer, "value": expected},
            {"op": "replace", "path": pointer, "value": value},
        ]
        try:
            return self.patch(ops)
        except Conflict as error:
            error.current = _current(self, pointer)
            raise

    def update(self, pointer, change):
        """Reads a value, changes it by a function and writes the result as one step; again when somebody else was quicker."""
        for _ in range(_ATTEMPTS):
            value = self.read(pointer)
            try:
                return self.compare_and_set(pointer, copy.deepcopy(value), change(value))
            except Conflict as error:
                conflict = error
        raise conflict

    def refresh(self):
        """Forgets changes of lists and dicts that were read and not assigned."""
        with self._lock:
            self._seen.clear()

    def watch(self, pointer=""):
        """Yields a Change for the value as it is and for every turn that changes it, until the app ends.

        Connects again when the connection breaks; nothing is lost, nothing comes twice.
        """
        return _watch(self, pointer)

    def subscribe(self, pointer, listener):
        """Calls `listener(change)` from a thread of its own, as watch() yields; gives what ends that."""
        changes = self.watch(pointer)
        ended = threading.Event()

        def follow():
            for change in changes:
                if ended.is_set():
                    return
                listener(change)

        threading.Thread(target=follow, name=f"stormkite {pointer}", daemon=True).start()
        return ended.set

    def status(self):
        return self._json("GET", "/status")

    def works(self):
        """Works with status, address, process and hardware."""
        return self._json("GET", "/works")

    def start(self, work):
        """Starts a work by full name (`root.train`)."""
        self._tell(work, "start")

    def stop(self, work):
        """Stops a work."""
        self._tell(work, "stop")

    def delete(self, work):
        """Stops a work and removes it for good."""
        self._tell(work, "delete")

    def command(self, name, args=None):
        """Calls a command of configureCommands(); gives what it returned."""
        return self._json("POST", "/commands/" + quote(name, ""), {} if args is None else args).get("result")

    def logs(self, work=None, follow=False, tail=None):
        """Yields lines ({source, stream, at, line}) of a work, of `flow`, or of all."""
        path = "/logs" if work is None else f"/works/{quote(work, '')}/logs"
        query = {"follow": int(follow), **({} if tail is None else {"tail": tail})}
        connection, response = self._open("GET", f"{path}?{urlencode(query)}", timeout=None)
        try:
            for line in response:
                if line.strip():
                    yield json.loads(line)
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error
        finally:
            connection.close()

    def _tell(self, work, verb):
        self._json("POST", f"/works/{quote(work, '')}/{verb}")

    def _json(self, method, path, body=None, headers=None):
        connection, response = self._open(method, path, body, headers)
        try:
            return json.loads(response.read() or b"null")
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error
        finally:
            connection.close()

    def _open(self, method, path, body=None, headers=None, timeout=_REQUEST_S):
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=timeout)
        head = dict(headers or {})
        if self._token is not None:
            head["authorization"] = f"Bearer {self._token}"
        if self._name:
            head["stormkite-client"] = self._name
        data = None
        if body is not None:
            data = json.dumps(body, allow_nan=False).encode()
            head["content-type"] = "application/json-patch+json" if method == "PATCH" else "application/json"
        try:
            connection.request(method, self._base + path, data, head)
            response = connection.getresponse()
            if response.status < 400:
                return connection, response
            text = response.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise self._unreachable(error) from error
        connection.close()
        raise _failure(response.status, text, body)

    def _unreachable(self, error):
        address = f"http{'s' if self._secure else ''}://{self._host}:{self._port or ''}"
        return Unreachable(
            "SERVER_UNREACHABLE",
            f"{address} does not answer: {error}",
            "check with `stormkite ps` that the app still runs",
        )


class State:
    """A flow, a work, or a Dict or List of them.

    Attributes and items are its fields and the components in it: `state.train.loss`, `state["train"]["loss"]`,
    `state.notebooks["ann"]`. `name in state`, iteration and `len()` are about the names. Assigning a field writes it.
    A work also has `status` and `url`.
    """

    def __init__(self, app, pointer, kind):
        object.__setattr__(self, "_app", app)
        object.__setattr__(self, "_pointer", pointer)
        object.__setattr__(self, "_kind", kind)
        object.__setattr__(self, "_children", {})

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self._read(name)
        except KeyError as error:
            raise AttributeError(f"{self!r} has no {name}") from error

    def __getitem__(self, name):
        return self._read(str(name))

    def __setattr__(self, name, value):
        self._write(name, value)

    def __setitem__(self, name, value):
        self._write(str(name), value)

    def __delattr__(self, name):
        self._remove(name)

    def __delitem__(self, name):
        self._remove(str(name))

    def __contains__(self, name):
        return name in self._names()

    def __iter__(self):
        return iter(self._names())

    def __len__(self):
        return len(self._names())

    def __repr__(self):
        return f"<{self._kind} {self._pointer or 'root'}>"

    def _names(self):
        document = self._app.read(self._pointer)
        fields = [name for name in document.get("vars", {}) if not name.startswith("_")]
        return fields + [name for group, _ in _GROUPS for name in document.get(group, {})]

    def _field(self, name):
        return f"{self._pointer}/vars/{_escape(name)}"

    def _read(self, name):
        if name in self._children:
            return self._children[name]
        if self._kind == "work" and name == "url":
            return self._app.read(self._pointer + "/vars/_url") or ""
        if self._kind == "work" and name == "status":
            return _status(self._app.read(self._pointer + "/calls"))
        if self._kind != "structure":
            value = self._value(self._field(name))
            if value is not _NOTHING:
                return value
        for group, kind in _GROUPS:
            pointer = f"{self._pointer}/{group}/{_escape(name)}"
            if _read_if_any(self._app, pointer) is not _NOTHING:
                self._children[name] = State(self._app, pointer, kind)
                return self._children[name]
        raise KeyError(name)

    def _value(self, pointer):
        app = self._app
        with app._lock:
            seen = app._seen.get(pointer)
            if seen is not None and _canonical(seen[1]) != seen[0]:
                # Changed in place and not assigned yet: assigning must find it.
                return seen[1]
            value = _read_if_any(app, pointer)
            if value is _NOTHING:
                app._seen.pop(pointer, None)
            elif seen is None or _canonical(value) != seen[0]:
                app._seen[pointer] = (_canonical(value), value)
            else:
                value = seen[1]
            return value

    def _write(self, name, value):
        if isinstance(value, State) or name in self._children or self._kind == "structure":
            raise StormkiteError(
                "CLIENT_STATE_FIXED",
                f"{self!r}.{name} is a component, which a client cannot replace",
                "assign its fields; add and remove components in the flow",
            )
        app, pointer = self._app, self._field(name)
        text = _canonical(value)
        with app._lock:
            seen = app._seen.get(pointer)
            if seen is None:
                app.write(pointer, json.loads(text))
            else:
                ops = []
                _diff(json.loads(seen[0]), json.loads(text), pointer, ops, False)
                self._send(pointer, ops)
            app._seen[pointer] = (text, value)

    def _send(self, pointer, ops):
        if not ops:
            return
        try:
            self._app.patch(ops)
        except StormkiteError as error:
            self._app._seen.pop(pointer, None)
            if isinstance(error, Conflict):
                error.current = _current(self._app, pointer)
            raise

    def _remove(self, name):
        pointer = self._field(name)
        self._app.patch([{"op": "remove", "path": pointer}])
        self._app._seen.pop(pointer, None)

    def _plain(self):
        return _shape(self._app.read(self._pointer), self._kind)


_NOTHING = object()


def _header_text(name):
    """What a header can hold of a name: letters without their accents, and nothing of other scripts."""
    return re.sub(r"[^\x20-\x7e]", "", unicodedata.normalize("NFKD", name)).strip()


def _read_if_any(app, pointer):
    try:
        return app.read(pointer)
    except StormkiteError as error:
        if error.code == "SERVER_POINTER_UNKNOWN":
            return _NOTHING
        raise


def _current(app, pointer):
    """What is at a pointer; None when nothing is."""
    current = _read_if_any(app, pointer)
    return None if current is _NOTHING else current


def _failure(status, text, sent=None):
    """The error of an answer to a request whose body was `sent`."""
    try:
        body = json.loads(text)
        code, message = body["code"], body["message"]
    except (ValueError, KeyError, TypeError):
        return StormkiteError("SERVER_ANSWER_INVALID", f"the answer cannot be understood: status {status}", None, status)
    if code == "SERVER_STATE_STALE" or _is_failed_test(body.get("operations"), sent):
        return Conflict(code, message, body.get("hint"), status, body.get("current"))
    return StormkiteError(code, message, body.get("hint"), status)


def _is_failed_test(outcomes, ops):
    """Whether a patch was refused for a comparison, also for one with what is gone."""
    if not outcomes or ops[len(outcomes) - 1]["op"] != "test":
        return False
    return outcomes[-1].get("problem") in ("test-failed", "missing")


def _canonical(value):
    return json.dumps(value, sort_keys=True, allow_nan=False, separators=(",", ":"))


def _escape(segment):
    return segment.replace("~", "~0").replace("/", "~1")


def _status(calls):
    latest = calls.get(calls.get("latest_call_hash") or "") or {}
    statuses = latest.get("statuses") or [{"stage": "not_started", "timestamp": 0}]
    return statuses[-1]


def _shape(document, kind):
    shape = {name: value for name, value in document.get("vars", {}).items() if not name.startswith("_")}
    for group, below in _GROUPS:
        for name, child in document.get(group, {}).items():
            shape[name] = _shape(child, below)
    if kind == "work":
        shape["status"] = _status(document.get("calls", {}))
        shape["url"] = document.get("vars", {}).get("_url") or ""
    return shape


def _diff(old, new, path, ops, guarded):
    """Appends operations that make `new` of `old`. What is in an item of a list is preceded by a test of the whole item."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [key for key in old if key not in new]:
            ops.append({"op": "remove", "path": f"{path}/{_escape(key)}"})
        for key, value in new.items():
            below = f"{path}/{_escape(key)}"
            if key in old:
                _diff(old[key], value, below, ops, guarded)
            else:
                ops.append({"op": "add", "path": below, "value": value})
    elif isinstance(old, list) and isinstance(new, list):
        _diff_lists(old, new, path, ops, guarded)
    elif _canonical(old) != _canonical(new):
        ops.append({"op": "replace", "path": path, "value": new})


def _diff_lists(old, new, path, ops, guarded):
    same = [_canonical(item) for item in old], [_canonical(item) for item in new]
    shorter = min(len(old), len(new))
    head = 0
    while head < shorter and same[0][head] == same[1][head]:
        head += 1
    tail = 0
    while tail < shorter - head and same[0][-1 - tail] == same[1][-1 - tail]:
        tail += 1
    changed = shorter - head - tail

    def guard(index, item):
        if not guarded:
            ops.append({"op": "test", "path": f"{path}/{index}", "value": item})

    for index in range(head, head + changed):
        if same[0][index] != same[1][index]:
            guard(index, old[index])
            _diff(old[index], new[index], f"{path}/{index}", ops, True)
    for item in old[head + changed : len(old) - tail]:
        guard(head + changed, item)
        ops.append({"op": "remove", "path": f"{path}/{head + changed}"})
    for index in range(head + changed, len(new) - tail):
        key = "-" if tail == 0 else index
        ops.append({"op": "add", "path": f"{path}/{key}", "value": new[index]})


def _watch(app, pointer):
    last_id, held, failures = None, _NOTHING, 0
    yielded = False
    while True:
        ended = False
        try:
            for event, event_id, data in _events(app, pointer, last_id):
                failures = 0
                if event == "stage":
                    ended = data.get("stage") in _ENDED
                if event not in ("snapshot", "turn"):
                    continue
                before = _NOTHING if held is _NOTHING else _canonical(held)
                held = data.get("state", _NOTHING) if event == "snapshot" else _applied(held, data["ops"], pointer)
                last_id = event_id
                if yielded and before == (_NOTHING if held is _NOTHING else _canonical(held)):
                    continue
                yielded = True
                exists = held is not _NOTHING
                yield Change(data["version"], copy.deepcopy(held) if exists else None, exists)
        except StormkiteError as error:
            if not _may_pass(error):
                raise
        if ended:
            return
        most = min(_MAX_DELAY_S, _MIN_DELAY_S * 2 ** min(failures, 30))
        failures += 1
        time.sleep(most * random.uniform(0.5, 1))


def _may_pass(error):
    """Whether trying again may help."""
    return isinstance(error, Unreachable) or error.status == 429 or (error.status or 0) >= 500


def _events(app, pointer, last_id):
    """Yields (event, id, data) of one connection."""
    query = {"types": "turn,stage", "pointer": pointer}
    if last_id is not None:
        query["lastEventId"] = last_id
    connection, response = app._open("GET", f"/stream?{urlencode(query)}", timeout=_SILENCE_S)
    try:
        event, event_id, data = "message", None, []
        for raw in response:
            line = raw.decode().rstrip("\r\n")
            field, _, value = line.partition(":")
            value = value[1:] if value.startswith(" ") else value
            if line == "":
                if data:
                    yield event, event_id, json.loads("\n".join(data))
                event, event_id, data = "message", None, []
            elif field == "event":
                event = value
            elif field == "id":
                event_id = value
            elif field == "data":
                data.append(value)
    except (OSError, http.client.HTTPException) as error:
        raise app._unreachable(error) from error
    finally:
        connection.close()


def _applied(value, ops, pointer):
    """The value at a pointer after operations at or below it (RFC 6902)."""
    holder = {} if value is _NOTHING else {"": value}
    for op in ops:
        kind, path = op["op"], _segments(op["path"][len(pointer) :])
        if kind == "test":
            continue
        if kind in ("move", "copy"):
            source = _segments(op["from"][len(pointer) :])
            given = copy.deepcopy(_at(holder, source))
            if kind == "move":
                _take(holder, source)
        elif kind == "remove":
            _take(holder, path)
            continue
        else:
            given = op["value"]
        _put(holder, path, given, kind == "replace")
    return holder.get("", _NOTHING)


def _segments(pointer):
    return [segment.replace("~1", "/").replace("~0", "~") for segment in pointer.split("/")]


def _at(value, segments):
    for segment in segments:
        value = value[int(segment)] if isinstance(value, list) else value[segment]
    return value


def _put(holder, segments, value, is_replace):
    parent, key = _at(holder, segments[:-1]), segments[-1]
    if not isinstance(parent, list):
        parent[key] = value
    elif is_replace:
        parent[int(key)] = value
    else:
        parent.insert(len(parent) if key == "-" else int(key), value)


def _take(holder, segments):
    parent, key = _at(holder, segments[:-1]), segments[-1]
    del parent[int(key) if isinstance(parent, list) else key]
