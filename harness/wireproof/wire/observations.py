"""What can be seen on a connection. End, reset, refusal and silence are four different things."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Data:
    """Bytes arrived."""

    data: bytes


@dataclass(frozen=True, slots=True)
class EndOfStream:
    """The peer sent FIN: it has nothing more to say."""

    def __str__(self) -> str:
        return "end of stream"


@dataclass(frozen=True, slots=True)
class Reset:
    """The peer sent RST: it dropped the connection, and with it whatever was under way."""

    def __str__(self) -> str:
        return "connection reset"


@dataclass(frozen=True, slots=True)
class TimedOut:
    """Nothing was seen until the deadline."""

    def __str__(self) -> str:
        return "silence"


Observation = Data | EndOfStream | Reset | TimedOut
END_OF_STREAM = EndOfStream()
RESET = Reset()
TIMED_OUT = TimedOut()
