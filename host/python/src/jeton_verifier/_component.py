"""The verifier component itself: the rules, as the authority runs them. It imports nothing.

`wasmtime.component` converts any value of any component, and asks for the types of all of them at every call: 0.9 ms for one `verify`.
What is called here never changes its type, so its arguments are laid out once, by the C interface that the package stands on.
"""

from __future__ import annotations

import ctypes
import ipaddress
from importlib.resources import files
from typing import Any, NamedTuple, Optional, Tuple, Union

from wasmtime import Engine, Store, WasmtimeError
from wasmtime import _ffi as ffi
from wasmtime.component import Component, Func, Linker

_VERIFICATION = "jeton:policy/verification@0.1.0"
_Val: Any = ffi.wasmtime_component_val_t
_Entry: Any = ffi.wasmtime_component_valrecord_entry_t
_SIZE = ctypes.sizeof(_Val)
_OF: int = _Val.of.offset
_BOOL: int = ffi.WASMTIME_COMPONENT_BOOL.value
_U8: int = ffi.WASMTIME_COMPONENT_U8.value
_U32: int = ffi.WASMTIME_COMPONENT_U32.value
_U64: int = ffi.WASMTIME_COMPONENT_U64.value

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]


class Held(NamedTuple):
    """What is held after a load."""

    sequence: int
    epoch: int
    cuts: int


class Verified(NamedTuple):
    """An accepted token: one run of bytes, and the lengths of its five parts."""

    answer: bytes
    lengths: Tuple[int, int, int, int, int]
    expires_at: int
    network: str


class LoadRefused(Exception):
    """A live document that the rules did not take. What was held before is kept."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Fault(Exception):
    """The component trapped: its instance must not be asked again."""


class Compiled:
    """The component, compiled: some tenths of a second. Instances are quick."""

    def __init__(self) -> None:
        self._engine = Engine()
        component = files(__package__).joinpath("jeton-verifier.wasm").read_bytes()
        self._component = Component(self._engine, component)

    def new_instance(self) -> Instance:
        """A new instance, which holds nothing and so accepts nothing."""
        return Instance(self._engine, self._component)


class Instance:
    """An instance of the component. Not for two threads at once."""

    def __init__(self, engine: Engine, component: Component) -> None:
        self._store = Store(engine)
        # The linker is empty: a component that could reach anything outside of itself is no verifier.
        instance = Linker(engine).instantiate(self._store, component)
        interface = instance.get_export_index(self._store, _VERIFICATION)
        if interface is None:
            raise Fault(f"the component does not export `{_VERIFICATION}`")

        def function(name: str) -> Func:
            index = instance.get_export_index(self._store, name, interface)
            found = None if index is None else instance.get_func(self._store, index)
            if found is None:
                raise Fault(f"the component does not export `{name}`")
            return found

        self._load = _Call(self._store, function("load"), 1)
        self._verify = _Call(self._store, function("verify"), 3)
        self._moment = _Moment()
        arguments = self._verify.arguments
        arguments[0].kind = ffi.WASMTIME_COMPONENT_STRING.value
        arguments[1].kind = ffi.WASMTIME_COMPONENT_RECORD.value
        arguments[1].of.record.size = 3
        arguments[1].of.record.data = self._moment.fields
        arguments[2].kind = _BOOL
        arguments[2].of.boolean = True
        self._token = arguments[0].of.string
        self._enforce_lease = arguments[2].of

    def load(self, document: bytes) -> Held:
        """Takes a live document, whole or what changed since the one held.

        Raises `LoadRefused`, and `Fault` after which the instance must not be asked again.
        """
        # Each byte is a value of its own to the C interface.
        values = bytearray(len(document) * _SIZE)
        values[0::_SIZE] = bytes([_U8]) * len(document)
        values[_OF::_SIZE] = document
        argument = self._load.arguments[0]
        argument.kind = ffi.WASMTIME_COMPONENT_LIST.value
        argument.of.list.size = len(document)
        argument.of.list.data = ctypes.cast(
            (ctypes.c_char * len(values)).from_buffer(values), ctypes.POINTER(_Val)
        )
        with self._load as (is_ok, value):
            if not is_ok:
                raise LoadRefused(_text(value.of.enumeration))
            data = value.of.record.data
            return Held(data[0].val.of.u64, data[1].val.of.u64, data[2].val.of.u32)

    def verify(
        self, token: str, now: int, held_for: int, peer: Optional[Address], enforce_lease: bool = True
    ) -> Union[Verified, str]:
        """Judges an access token; a refusal is its word in the contract.

        Raises `Fault`, after which the instance must not be asked again.
        """
        text = token.encode("utf-8", "replace")
        self._token.size = len(text)
        self._token.data = ctypes.cast(ctypes.c_char_p(text), ctypes.POINTER(ctypes.c_uint8))
        self._moment.set(now, held_for, peer)
        self._enforce_lease.boolean = enforce_lease
        with self._verify as (is_ok, value):
            if not is_ok:
                return _text(value.of.enumeration)
            data = value.of.record.data
            answer = data[0].val.of.list
            return Verified(
                ctypes.string_at(answer.data, answer.size * _SIZE)[_OF::_SIZE],
                (
                    data[1].val.of.u32,
                    data[2].val.of.u32,
                    data[3].val.of.u32,
                    data[4].val.of.u32,
                    data[5].val.of.u32,
                ),
                data[6].val.of.u64,
                _text(data[7].val.of.enumeration),
            )


class _Call:
    """A function that gives a `result`, with room for its arguments. Within `with` stands what it gave."""

    def __init__(self, store: Store, function: Func, count: int) -> None:
        self.arguments: Any = (_Val * count)()
        self._store = store
        self._function = function
        self._count = count
        self._result: Any = _Val()
        self._result.kind = _BOOL

    def __enter__(self) -> Tuple[bool, Any]:
        error = ffi.wasmtime_component_func_call(
            ctypes.byref(self._function._func),
            self._store._context(),
            self.arguments,
            self._count,
            ctypes.byref(self._result),
            1,
        )
        if error:
            raise Fault("the component trapped") from WasmtimeError._from_ptr(error)
        result = self._result.of.result
        return result.is_ok, result.val[0]

    def __exit__(self, *_: object) -> None:
        ffi.wasmtime_component_val_delete(ctypes.byref(self._result))
        # The next call lets go of what it finds here.
        self._result.kind = _BOOL


class _Moment:
    """The record `moment`, laid out once."""

    def __init__(self) -> None:
        self._names = [ctypes.create_string_buffer(name, len(name)) for name in (b"now", b"held-for", b"peer", b"v4", b"v6")]
        self.fields: Any = (_Entry * 3)()
        for place in range(3):
            self._name(self.fields[place].name, place)
        self._now = self.fields[0].val
        self._held_for = self.fields[1].val
        self._now.kind = self._held_for.kind = _U64
        self._peer = self.fields[2].val
        self._peer.kind = ffi.WASMTIME_COMPONENT_OPTION.value
        self._nobody: Any = ctypes.POINTER(_Val)()
        self._v4: Any = _Val()
        self._v4.kind = _U32
        self._halves: Any = (_Val * 2)()
        self._halves[0].kind = self._halves[1].kind = _U64
        self._v6: Any = _Val()
        self._v6.kind = ffi.WASMTIME_COMPONENT_TUPLE.value
        self._v6.of.tuple.size = 2
        self._v6.of.tuple.data = self._halves
        self._known = tuple(self._variant(place, payload) for place, payload in ((3, self._v4), (4, self._v6)))

    def set(self, now: int, held_for: int, peer: Optional[Address]) -> None:
        self._now.of.u64 = now
        self._held_for.of.u64 = held_for
        if peer is None:
            self._peer.of.option = self._nobody
        elif isinstance(peer, ipaddress.IPv4Address):
            self._v4.of.u32 = int(peer)
            self._peer.of.option = ctypes.pointer(self._known[0])
        else:
            upper, lower = divmod(int(peer), 1 << 64)
            self._halves[0].of.u64 = upper
            self._halves[1].of.u64 = lower
            self._peer.of.option = ctypes.pointer(self._known[1])

    def _variant(self, name: int, payload: Any) -> Any:
        variant = _Val()
        variant.kind = ffi.WASMTIME_COMPONENT_VARIANT.value
        self._name(variant.of.variant.discriminant, name)
        variant.of.variant.val = ctypes.pointer(payload)
        return variant

    def _name(self, into: Any, place: int) -> None:
        name = self._names[place]
        into.size = len(name)
        into.data = ctypes.cast(name, ctypes.POINTER(ctypes.c_uint8))


def _text(name: Any) -> str:
    return ctypes.string_at(name.data, name.size).decode()
