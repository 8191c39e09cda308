"""The run as a whole: order of the lines, sequence numbers, rounds and episodes; what the journal says against what it should say."""

from collections import deque

from verify_export.episode import Episode
from verify_export.lines import Unreadable, read_book, read_line, read_venue

VERSION = 3
MISMATCHES_SHOWN = 20
DECISION_ROUNDS_MAX = 64
COUNTED = (
    "events", "refused", "rounds", "marks", "applied", "held", "confirmed", "dropped", "discarded", "judgements", "flags", "decisions", "fills",
    "rejections", "absorptions", "takeovers", "bankruptcies", "deleveraged", "socialised",
    "fundings",
)  # fmt: skip
REPORTS = ("filled", "rejected")  # of the venue on an order: either ends it


def show_flag(flag):
    sequence, account, old, new, equity, requirement = flag
    return f"account {account} from {old} to {new} after event {sequence}, E {equity}, R {requirement}"


def show_command(command):
    name, *values = command
    if name in ("bankrupt", "take_over"):
        return f"{name} accounts {show_accounts(values[0])}"
    texts = {"cancel_orders": "account {}", "place_order": "{} account {} instrument {} lots {} limit {}"}
    texts["unwind"] = "{} instrument {} lots {} limit {}"
    return f"{name} " + texts.get(name, "account {} instrument {} lots {} quote {}").format(*values)


def show_accounts(accounts):
    return ", ".join(str(account) for account in accounts[:10]) + (f" and {len(accounts) - 10} more" if len(accounts) > 10 else "")


def outcome_of(command):
    """The event that a command leads to, as `seen` shows events."""
    name, *values = command
    if name in ("bankrupt", "take_over"):
        return ("bankrupted" if name == "bankrupt" else "taken_over", tuple(values[0]))
    if name == "cancel_orders":
        return ("orders_resting", (values[0], 0))
    return ("report", values[0]) if name in ("place_order", "unwind") else ("absorbed", tuple(values))


def seen(name, event):
    """An event by what a decision, the venue or the episode's end makes of it."""
    if name in REPORTS:
        return ("report", event["order"])
    if name in ("taken_over", "bankrupted"):
        return (name, tuple(event["accounts"]))
    if name == "orders_resting":
        return (name, (event["account"], event["count"]))
    return (name, tuple(event.values())) if name in ("absorbed", "book") else (name, None)


def show_outcome(outcome):
    name, key = outcome
    return name if key is None else f"{name} {show_accounts(key) if isinstance(key, tuple) else key}"


class Verifier:
    """Takes the lines of an export in order; holds what disagreed."""

    def __init__(self):
        self.counts = dict.fromkeys(COUNTED, 0)
        self.mismatches = []
        self.mismatch_count = 0
        self.episodes = []
        self.balances = []
        self.line = 0
        self.rules = None
        self.episode = None
        self.next_sequence = self.next_round = 0
        self.next_index = None  # the first may be any
        self.held = []  # lines of a round that has not ended: a restart makes them void
        self.inputs = {}  # last input taken, by source
        self.begin_episode()
        self.takes = {
            "header": self.header,
            "episode_started": self.episode_started,
            "event": self.event,
            "round_ended": self.round_ended,
            "verdict": self.verdict,
            "decision": self.decision,
            "episode_ended": self.episode_ended,
            "note": self.note,
            "taken": self.taken,
        }

    def begin_episode(self):
        self.expected = ("event", "episode_ended")  # entries that may come next inside an episode
        self.round_events = []  # of the open round, as `seen`
        self.has_venue = False  # a simulated venue is noted, which tells its books
        self.books_told = []  # before the round, by instrument
        self.round_rejects = True  # nothing but rejections in it
        self.latency_ms = 0  # of an order on its way to the venue
        self.orders = []  # (time of arrival, order) of orders on their way
        self.is_ending = False  # orders were rejected because the episode ends
        self.round_ms = None
        self.decided_ms = None  # of the last round, which the decision that follows is about
        self.last_ms = None  # of the last external round
        self.verdict_expected = []
        self.due = deque()  # (event time, outcomes) of decisions whose round is still to come
        self.decision_rounds = 0  # in a row

    def report(self, what, expected, found):
        self.mismatch_count += 1
        if len(self.mismatches) < MISMATCHES_SHOWN:
            event = self.next_sequence - 1 if self.next_sequence else None
            row = {"line": self.line, "event": event, "what": what, "expected": str(expected), "found": str(found)}
            self.mismatches.append(row)

    def compare(self, what, expected, found, show):
        """The first difference of two lists."""
        if expected == found:
            return
        at = next((i for i, (a, b) in enumerate(zip(expected, found)) if a != b), min(len(expected), len(found)))
        texts = [show(side[at]) if at < len(side) else f"nothing, {len(side)} in all" for side in (expected, found)]
        self.report(f"{what}, number {at + 1}", *texts)

    def feed(self, line):
        self.line += 1
        try:
            entry, values = read_line(line)
        except (ValueError, RecursionError) as error:
            raise Unreadable(f"line {self.line}: {error}") from None
        if (self.line == 1) != (entry == "header"):
            raise Unreadable(f"line {self.line}: the first line, and no other, is the header, not {entry!r}")
        if entry in ("event", "taken") or entry == "note" and self.held:
            self.held.append((self.line, entry, values))
            return
        if entry == "restarted":
            self.held = [row for row in self.held if row[1] == "note"]
            self.release()
            if values["next_sequence"] != self.next_sequence:
                self.report("next event after a restart", self.next_sequence, values["next_sequence"])
            return
        self.release()
        self.take(entry, values)

    def release(self):
        """What was held is not void."""
        here, held, self.held = self.line, self.held, []
        for self.line, entry, values in held:
            self.take(entry, values)
        self.line = here

    def take(self, entry, values):
        if entry not in ("note", "header", "taken"):
            self.order(entry)
            if self.episode is None and entry != "episode_started":
                return
        self.takes[entry](**values)

    def taken(self, source, sequence):
        if sequence <= self.inputs.get(source, -1):
            self.report(f"input of source {source}", f"after {self.inputs[source]}", sequence)
        self.inputs[source] = sequence

    def order(self, entry):
        """Checks that the entry may stand here."""
        allowed = ("episode_started",) if self.episode is None else self.expected
        if entry not in allowed:
            self.report("order of entries", " or ".join(allowed), entry)

    def header(self, version, instance, rules_hash):
        if version != VERSION:
            raise Unreadable(f"version {version}; this program reads version {VERSION}")

    def episode_started(self, index, seed, rules, source):
        if not 1 <= rules["scale"] <= 1_000_000:
            raise Unreadable(f"line {self.line}: scale {rules['scale']} is not 1 to 1,000,000")
        if self.next_index not in (None, index):
            self.report("episode index", self.next_index, index)
        if self.rules not in (None, rules):
            self.report("rules", "those of the episode before", "others")
        self.next_index = index + 1
        self.rules = rules
        self.begin_episode()
        self.episode = Episode(index, rules, self.counts, self.report)

    def event(self, sequence, time_ms, event):
        name, values = event
        found_sequence, expected_sequence = sequence, self.next_sequence
        self.next_sequence = sequence + 1
        if found_sequence != expected_sequence:
            self.report("event sequence", expected_sequence, found_sequence)
        if not self.round_events:
            self.round_first, self.round_ms = sequence, time_ms
            self.books_told = [market.told for market in self.episode.markets]
        elif time_ms != self.round_ms:
            self.report("event time", f"{self.round_ms}, as the round's other events", time_ms)
        if self.episode.is_settled:
            self.report("event", "none after settled", name)
        self.round_events.append(seen(name, values))
        self.round_rejects = self.round_rejects and name in ("rejected", "book")
        self.counts["events"] += 1
        self.episode.apply(sequence, time_ms, name, values)
        self.expected = ("event", "round_ended")

    def round_ended(self, round, time_ms, first_sequence, events, external):
        if round != self.next_round:
            self.report("round", self.next_round, round)
        self.next_round = round + 1
        self.counts["rounds"] += 1
        self.decided_ms = time_ms
        if self.round_events:
            found = (first_sequence, events, time_ms)
            expected = (self.round_first, len(self.round_events), self.round_ms)
            if found != expected:
                show = "first event {}, {} events, time {}".format
                self.report("bounds of the round", show(*expected), show(*found))
            self.check_books()
            self.check_cause(time_ms, external)
        self.round_events = []
        self.round_rejects = True
        self.verdict_expected = self.episode.end_round()
        self.expected = ("verdict",)

    def check_books(self):
        """Takes them from the round's events: they may follow on any."""
        events = [event for event in self.round_events if event[0] != "book"]
        books = self.round_events[len(events) :]
        if self.has_venue:
            self.compare("books told", self.episode.books_told(self.books_told), books, str)
        self.round_events = events

    def check_cause(self, time_ms, external):
        """An external round, or the outcomes of a decision in its order."""
        if self.due and self.decision_rounds < DECISION_ROUNDS_MAX:
            if external:
                self.report("cause of the round", "the outcomes of the last decisions", "external")
                self.due.popleft()
        elif not external:
            self.report("cause of the round", "external", "outcomes of decisions")
        if external:
            if self.last_ms is not None and time_ms < self.last_ms:
                self.report("event time of an external round", f"at least {self.last_ms}", time_ms)
            self.last_ms = time_ms
            self.decision_rounds = 0
            self.check_world(time_ms)
        elif self.due:
            self.decision_rounds += 1
            cause_ms, outcomes = self.due.popleft()
            self.compare("outcomes of the decision", outcomes, self.round_events, show_outcome)
            if time_ms != cause_ms:
                self.report("event time of a decision's outcomes", cause_ms, time_ms)

    def check_world(self, time_ms):
        """The reports of the orders that arrive first, alone and at their time; or the rejection of all that would arrive after the end; or what
        nobody decided."""
        for name, _ in self.round_events:
            if name in ("absorbed", "taken_over", "bankrupted"):
                self.report("event of an external round", "no outcome of a decision", name)
        settles = ("settled", None) in self.round_events
        late = [due for due in self.orders if due[0] <= time_ms or settles]
        events = [event for event in self.round_events if event[0] != "elapsed"]
        if all(name != "report" for name, _ in events):
            if late:
                self.report("external round", f"the report of order {min(late)[1]} first", f"one at {time_ms}")
            if self.is_ending and not settles:
                self.report("external round", "settled, after the last orders were rejected", self.round_events)
            return
        due_ms = min(self.orders)[0] if self.orders else time_ms
        if due_ms > time_ms:
            self.is_ending = True
            if not self.round_rejects:
                self.report("reports", f"nothing before {due_ms}, or rejections", time_ms)
        expected = sorted(due for due in self.orders if self.is_ending or due[0] == due_ms)
        self.compare("reports of orders", [("report", order) for _, order in expected], events, show_outcome)
        if due_ms < time_ms:
            self.report("event time of reports", due_ms, time_ms)
        self.orders = [due for due in self.orders if due not in expected]

    def note(self, time_ms, text):
        try:
            venue, book = read_venue(text), read_book(text)
            if venue is not None:
                self.latency_ms, self.has_venue = venue["latency_ms"], True
            if book is not None and self.episode is not None and book[0] < len(self.episode.markets):
                self.episode.markets[book[0]].book.take_profile(book[1])
        except (ValueError, RecursionError) as error:
            raise Unreadable(f"line {self.line}: note: {error}") from None

    def verdict(self, round, flags):
        self.check_round(round)
        found = [tuple(flag.values()) for flag in flags]
        self.compare(f"verdict of round {round}", self.verdict_expected, found, show_flag)
        self.counts["flags"] += len(found)
        self.expected = ("decision",)

    def decision(self, round, commands):
        self.check_round(round)
        found = [(name, *values.values()) for name, values in commands]
        self.compare(f"decision after round {round}", self.episode.decide(), found, show_command)
        self.counts["decisions"] += len(found)
        self.episode.adopt(found)
        outcomes = [outcome_of(command) for command in found]
        if self.latency_ms:
            arrival_ms = max(self.decided_ms, self.last_ms if self.last_ms is not None else self.decided_ms) + self.latency_ms
            self.orders += [(arrival_ms, order) for name, order in outcomes if name == "report"]
            outcomes = [outcome for outcome in outcomes if outcome[0] != "report"]
        if outcomes:
            self.due.append((self.decided_ms, outcomes))
        self.expected = ("event",) if self.due or self.orders else ("event", "episode_ended")

    def check_round(self, round):
        if round != self.next_round - 1:
            self.report("round", self.next_round - 1, round)

    def episode_ended(self, index, state_hash):
        episode = self.episode
        if index != episode.index:
            self.report("episode index", episode.index, index)
        if not episode.is_settled:
            self.report("end of the episode", "after settled", "no settled")
        episode.count_books()
        balances = episode.books.balances()
        row = {"index": index, "accounts": len(episode.books.accounts)}
        row |= {name: balances[name]["cash"] for name in ("insurance", "deficit")}
        row |= {name: str(sum(int(owner["cash"]) for owner in balances[name])) for name in ("funds", "backstops")}
        self.episodes.append(row)
        self.balances.append({"index": index, "owners": balances})
        self.episode = None

    def finish(self):
        """The input has ended."""
        if self.line == 0:
            raise Unreadable("the input is empty")
        self.release()
        if self.episode is not None:
            self.report("end of the input", " or ".join(self.expected), "nothing")
        elif self.next_index is None:
            self.report("end of the input", "an episode", "nothing")


def verify(lines):
    verifier = Verifier()
    for line in lines:
        verifier.feed(line)
    verifier.finish()
    return verifier
