"""Compare a recording with a server, or with another recording.

    python compare.py answers/metabase-0.47.jsonl BASE_URL
    python compare.py answers/metabase-0.34.jsonl answers/metabase-0.47.jsonl

Exit status 0 only if every compared case is equal. The last line is "N of M equal".
"""

import argparse
import json
import re
import sys
from collections import Counter
from pathlib import Path

import kit

# Values that differ from run to run, or that only repeat the request.
VOLATILE = {
    "created_at",
    "updated_at",
    "started_at",
    "running_time",
    "average_execution_time",
    "average_query_time",
    "last_query_start",
    "last_login",
    "date_joined",
    "last_analyzed",
    "timestamp",
    "cached",
    "stacktrace",
    "via",
    "trace",
    "json_query",
    "ex-data",
    "preprocessed",
    "hash",
    "checksum",
    "entity_id",
    "uuid",
    "public_uuid",
    "made_public_by_id",
    "fingerprint",
    "fingerprint_version",
    "result_metadata",
    "results_metadata",
    "insights",
    "first_login",
    "personal_collection_id",
    "last-edit-info",
    "cache_field_values_schedule",
    "metadata_sync_schedule",
    "schedules",
    "details",
    "dbms_version",
    "metabase_version",
    "initial_sync_status",
    "cache_ttl",
    "creator",
    "estimated_row_count",
    "query_average_duration",
    "last_used_at",
    "view_count",
    "is_qbnewb",
    "has_question_and_dashboard",
    "has_invited_second_user",
}
# Parts that belong to the front end of the real server; compared with --strict only.
FRONT_END = {
    "dimension_options",
    "default_dimension_option",
    "dimensions",
    "settings",
    "points_of_interest",
    "caveats",
    "show_in_getting_started",
    "features",
    "has_field_values",
    "collection_position",
    "collection_preview",
    "moderation_reviews",
    "parameter_usage_count",
    "parameter_mappings",
    "average_query_time",
}
SOFT_HEADERS = {"transfer-encoding", "connection", "expires", "vary"}
TABLE_KEYS = {"table_id", "source-table", "source_table"}
FIELD_KEYS = {
    "fk_target_field_id",
    "field_id",
    "fk_field_id",
    "fk-field-id",
    "parent_id",
    "pk_field",
    "human_readable_field_id",
}
DATABASE_KEYS = {"database", "database_id", "db_id", "dbId"}
OTHER_IDS = {
    "creator_id",
    "collection_id",
    "card_id",
    "dashboard_id",
    "user_id",
    "dimension_id",
    "segment_id",
    "metric_id",
}
UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
JAVA = re.compile(r"(\[\[?L?[\w.]*;?@|\[B@|PgSQLXML@)[0-9a-f]{4,}")
TEXTS = (
    (re.compile(r"userID: \d+"), "userID: <n>"),
    (re.compile(r"queryHash: [0-9a-f]+"), "queryHash: <hash>"),
    (re.compile(r"Position: \d+"), "Position: <n>"),
    (re.compile(r"wait \d+ seconds"), "wait <n> seconds"),
    (re.compile(r"(?<=[\w;])@[0-9a-f]{5,8}\b"), "@<hash>"),
    (re.compile(r"\b0x[0-9a-f]{5,}\b"), "0x<hash>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d[:_]\d\d[:_]\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?"), "<time>"),
)
SCHEMAS = {"s_alpha", "s_beta", "s_closed", "s_types", "s_wide"}  # other schemas of a shared database are left out
NUMBER = "\x00"  # marks a JSON number token, so that 1.10, 1.1 and "1.1" are three things


def parse(text):
    def pairs(items):
        out = dict(items)
        if len(out) < len(items):
            out["<repeated keys>"] = sorted(k for k, n in Counter(k for k, _ in items).items() if n > 1)
        return out

    def mark(token):
        return NUMBER + token

    return json.loads(text, parse_int=mark, parse_float=mark, parse_constant=mark, object_pairs_hook=pairs)


def whole(value):
    """The integer behind a marked JSON number, else None."""
    if isinstance(value, str) and value.startswith(NUMBER):
        try:
            return int(value[1:])
        except ValueError:
            return None
    return None


class Normal:
    """Puts one recorded response into a form that two servers can share."""

    def __init__(self, context, strict=False, ignore=()):
        self.tables = {int(k): v for k, v in context.get("tables", {}).items()}
        self.fields = {int(k): v for k, v in context.get("fields", {}).items()}
        self.database = context.get("database_id")
        self.name = context.get("database_name")
        self.strict, self.ignore = strict, set(ignore)
        self.skip = VOLATILE | self.ignore | (set() if strict else FRONT_END)

    def response(self, line):
        answer, request = line["response"], line["request"]
        if "unfilled" in answer or "exception" in answer:
            return {"not answered": self.text(answer.get("unfilled") or answer["exception"])}
        out = {"status": answer["status"], "complete": answer["complete"]}
        headers = {
            k: v
            for k, v in answer["headers"].items()
            if k not in self.ignore
            and (self.strict or (k not in SOFT_HEADERS and (k != "set-cookie" or line["area"] == "auth")))
        }
        out["headers"] = {k: self.text(v) if isinstance(v, str) else v for k, v in headers.items()}
        if "gzip_complete" in answer:
            out["gzip_complete"] = answer["gzip_complete"]
        if "xlsx" in answer:
            out["xlsx"] = json.loads(JAVA.sub(r"\1<hash>", json.dumps(answer["xlsx"])))
            if not self.strict:
                for sheet in out["xlsx"].get("sheets", []):
                    sheet.pop("formats", None)
        elif "base64" in answer:
            out["base64"] = answer["base64"]
        else:
            export = bool(kit.EXPORT.search(request.get("path", "")))
            out["body"] = self.body(answer.get("body", ""), export)
            if request.get("path", "").split("?")[0].endswith("/schemas") and isinstance(out["body"], list):
                out["body"] = [name for name in out["body"] if name in SCHEMAS]
            if "error_object" in answer:
                out["error object"] = self.walk(parse(answer["error_object"]))
            for key in ("tail", "length", "lines", "sha256"):
                if key in answer and not (key == "tail" and not self.strict and "sha256" in answer):
                    out[key] = answer[key]
        return out

    def body(self, text, export):
        if export:
            return self.export(text)
        stripped = text.strip()
        if stripped[:1] in ("{", "[", '"'):
            try:
                node = self.walk(parse(stripped))
            except ValueError:
                return self.text(text)
            return node
        return self.text(text)

    def export(self, text):
        """The file text in lines; an error object in it or behind it is taken apart."""
        text, broken = kit.split_error(text)
        broken = self.walk(parse(broken)) if broken is not None else None
        text = JAVA.sub(r"\1<hash>", text)
        lines = text.splitlines(keepends=True) if "\r" not in text else text.split("\n")
        if not self.strict:
            lines = [self.unordered(line) for line in lines]
        return {"lines": lines, **({"error object": broken} if broken is not None else {})}

    @staticmethod
    def unordered(line):
        """JSON rows of more than 8 keys come in hash order; compare them sorted (exactly with --strict)."""
        if not line.lstrip("[,").startswith('{"'):
            return line
        try:
            row = parse(line.strip().strip(","))
        except ValueError:
            return line
        if isinstance(row, dict) and len(row) > 8:
            return (
                "sorted keys: "
                + json.dumps(row, sort_keys=True, ensure_ascii=False)
                + ("," if line.rstrip().endswith(",") else "")
            )
        return line

    def text(self, text):
        if text.startswith(NUMBER):
            return text
        text = UUID.sub("<uuid>", text)
        for pattern, shown in TEXTS:
            text = pattern.sub(shown, text)
        return JAVA.sub(r"\1<hash>", text)

    def own_id(self, node, value):
        number = whole(value)
        if number is None:
            return self.text(value) if isinstance(value, str) else value
        if "schema" in node and ("db_id" in node or "db" in node):
            return self.tables.get(number, "<table>")
        if ("table_id" in node and "base_type" in node) or "table_name" in node:
            return self.fields.get(number, "<field>")
        if number == -1337:
            return number
        return "<id>"

    def foreign(self, item):
        """An element of a list that belongs to something else on that server."""
        if not isinstance(item, dict):
            return False
        if "engine" in item and "name" in item:
            return self.name is not None and item["name"] not in (self.name, "Saved Questions")
        if "schema" in item and ("db_id" in item or "table_name" in item):
            return (
                whole(item.get("db_id", NUMBER + str(self.database))) != self.database or item["schema"] not in SCHEMAS
            )
        if "base_type" in item and isinstance(item.get("table"), dict):
            return self.foreign(item["table"])
        if "dataset_query" in item or "definition" in item:
            return not str(item.get("name", "")).startswith(kit.PREFIX)
        return False

    def walk(self, node, rows=False):
        if isinstance(node, dict):
            out = {}
            for key, value in node.items():
                if rows:
                    out[key] = self.walk(value, True)
                elif key in self.skip:
                    continue
                elif key == "rows":
                    out[key] = self.walk(value, True)
                elif key == "native_form" and not self.strict and isinstance(value, dict):
                    out[key] = sorted(value)
                elif key == "id":
                    out[key] = self.own_id(node, value)
                elif key == "name" and "engine" in node and value == self.name:
                    out[key] = "<database name>"
                elif key in TABLE_KEYS and whole(value) is not None:
                    out[key] = self.tables.get(whole(value), "<table>")
                elif key in FIELD_KEYS and whole(value) is not None:
                    out[key] = self.fields.get(whole(value), "<field>")
                elif key in DATABASE_KEYS and whole(value) is not None:
                    out[key] = "<database>" if whole(value) == self.database else "<other database>"
                elif key in OTHER_IDS and whole(value) is not None:
                    out[key] = "<id>"
                elif key == "total" and "data" in node:
                    out[key] = "<total>"
                elif key in ("group_ids", "user_group_memberships"):
                    out[key] = "<groups>"
                else:
                    out[key] = self.walk(value)
            return out
        if isinstance(node, list):
            if not rows and len(node) in (2, 3) and node[0] in ("field", "field-id") and whole(node[1]) is not None:
                return [node[0], self.fields.get(whole(node[1]), "<field>"), *[self.walk(one) for one in node[2:]]]
            if not rows and len(node) == 2 and node[0] in ("segment", "metric") and whole(node[1]) is not None:
                return [node[0], "<id>"]
            kept = [one for one in node if rows or not self.foreign(one)]
            out = [self.walk(one, rows) for one in kept]
            if (
                not rows
                and not self.strict
                and kept
                and all(isinstance(one, dict) and "schema" in one and "db_id" in one for one in kept)
            ):
                out.sort(key=lambda one: (str(one.get("schema")), str(one.get("name"))))
            return out
        if isinstance(node, str):
            return JAVA.sub(r"\1<hash>", node) if rows else self.text(node)
        return node


MISSING = "<absent>"


def differences(left, right, path=""):
    if isinstance(left, dict) and isinstance(right, dict):
        for key in [*left, *[k for k in right if k not in left]]:
            yield from differences(
                left.get(key, MISSING), right.get(key, MISSING), f"{path}.{key}" if path else str(key)
            )
    elif isinstance(left, list) and isinstance(right, list):
        if len(left) != len(right):
            yield f"{path}.length", len(left), len(right)
        for number, (one, two) in enumerate(zip(left, right, strict=False)):
            yield from differences(one, two, f"{path}[{number}]")
    elif left != right or isinstance(left, bool) != isinstance(right, bool):
        yield path, left, right


def loosen(side):
    """Status and outcome only, for answers that real servers do not repeat."""
    body = side.get("body")
    return {k: v for k, v in side.items() if k in ("status", "not answered")} | (
        {"outcome": body["status"]} if isinstance(body, dict) and "status" in body else {}
    )


def show(value, width):
    text = (
        value
        if isinstance(value, str) and value == MISSING
        else json.dumps(value, ensure_ascii=False).replace("\\u0000", "#")
    )
    return text if len(text) <= width else text[: width - 3] + "..."


def read(path):
    context, steps = {}, {}
    for line in Path(path).read_text(encoding="utf-8").split("\n"):
        if not line:
            continue
        record = json.loads(line)
        if record["kind"] == "context":
            context = record
        else:
            steps.setdefault(record["case"], []).append(record)
    return context, steps


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recording")
    parser.add_argument("other", help="base URL of a server, or another recording")
    parser.add_argument("--show", type=int, default=0, metavar="N", help="print the first N differences of each case")
    parser.add_argument("--width", type=int, default=160)
    parser.add_argument("--area", action="append", choices=kit.AREAS)
    parser.add_argument("--held", choices=("yes", "no", "all"), default="all")
    parser.add_argument("--case", action="append")
    parser.add_argument(
        "--strict", action="store_true", help="also transport headers, front-end keys, order of keys and of tables"
    )
    parser.add_argument(
        "--ignore",
        action="append",
        default=[],
        metavar="KEY",
        help="leave out this JSON key or header (may be repeated)",
    )
    parser.add_argument("--status-only", action="store_true", help="compare the status codes only")
    parser.add_argument("--admin", default="admin@example.com:metapass1", metavar="EMAIL:PASSWORD")
    parser.add_argument("--reader", default="reader@example.com:Reader-pass-1x", metavar="EMAIL:PASSWORD")
    parser.add_argument("--database-name", default="Insight")
    parser.add_argument("--connect", metavar="HOST:PORT:DBNAME:USER")
    parser.add_argument("--no-sync", action="store_true")
    parser.add_argument("--sync-timeout", type=float, default=60.0)
    parser.add_argument("--timeout", type=float, default=120.0)
    parser.add_argument("--cases", default=str(kit.CASES))
    parser.add_argument("--save", metavar="FILE", help="keep the answers of the server as a recording")
    parser.add_argument(
        "--no-lockout", action="store_true", help="leave out the case that fails logins until it is refused"
    )
    args = parser.parse_args()

    data = kit.load_cases(args.cases)
    left_context, left = read(args.recording)
    live = re.match(r"https?://", args.other)
    cases = [
        case
        for case in kit.chosen(data["cases"], args.area, args.held, args.case, not args.no_lockout)
        if case["id"] in left
    ]

    def say(text):
        print(text, file=sys.stderr, flush=True)

    if live:
        ctx = kit.prepare(
            args.other,
            data,
            admin=args.admin,
            reader=args.reader,
            database_name=args.database_name,
            connect=args.connect,
            timeout=args.timeout,
            sync=not args.no_sync,
            sync_timeout=args.sync_timeout,
            say=say,
        )
        for note in ctx.log:
            say(f"prepare: {note}")
        right_context, right = ctx.describe(), {}
    else:
        right_context, right = read(args.other)
        cases = [case for case in cases if case["id"] in right]
    one, two = (Normal(context, args.strict, args.ignore) for context in (left_context, right_context))
    saved = []
    if live:
        told = json.loads(ctx.redact(json.dumps(right_context)))
        saved.append(json.dumps({"kind": "context", "label": args.other, **told}) + "\n")

    equal, by_area = 0, {}
    for case in cases:
        if live:
            right[case["id"]] = list(kit.run_case(args.other, ctx, case, args.timeout))
            if saved:
                saved.extend(json.dumps(line, ensure_ascii=False) + "\n" for line in right[case["id"]])
        found = []
        if left[case["id"]][0].get("mark") != kit.case_mark(case):
            found.append(("case", "recorded with other steps: record it again", "steps of cases.json"))
        if len(left[case["id"]]) != len(right[case["id"]]):
            found.append(("steps", len(left[case["id"]]), len(right[case["id"]])))
        for was, now in zip(left[case["id"]], right[case["id"]], strict=False):
            before, after = one.response(was), two.response(now)
            if args.status_only or case["steps"][was["step"]].get("loose"):
                before, after = (loosen(side) for side in (before, after))
            found += [(f"step {was['step']} {path}", a, b) for path, a, b in differences(before, after)]
        tally = by_area.setdefault(case["area"], [0, 0])
        tally[1] += 1
        if not found:
            equal += 1
            tally[0] += 1
        print(f"{'equal    ' if not found else 'different'}  {case['id']}" + (f"  ({len(found)})" if found else ""))
        for path, a, b in found[: args.show]:
            print(f"    {path}\n      recorded: {show(a, args.width)}\n      now:      {show(b, args.width)}")
    if saved and args.save:
        Path(args.save).write_text("".join(saved), encoding="utf-8")
    print()
    for area in kit.AREAS:
        if area in by_area:
            print(f"{area:12} {by_area[area][0]} of {by_area[area][1]}")
    print(f"{equal} of {len(cases)} equal")
    return 0 if cases and equal == len(cases) else 1


if __name__ == "__main__":
    sys.exit(main())
