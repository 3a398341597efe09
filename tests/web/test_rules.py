"""server/web/rest/rules.py: rules are read, changed and tried out, as JSON and as YAML."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from server.formats.yaml import read_yaml
from server.rooms.access import Role
from server.web.rest.rule_answers import Rule, RuleTest
from tests.web.conftest import Web
from tests.web.test_auth import code_of

RULES = "/api/v1/projects/film/rules"
YAML = {"content-type": "application/yaml"}
PROPS = {"name": "Props ask", "verdict": "require_approval", "source_kinds": ["prop"]}


async def ids(client: httpx.AsyncClient) -> list[str]:
    return [one["id"] for one in (await client.get(RULES)).json()["items"]]


async def entries(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    """The audit entries about rules, oldest first."""
    found = (await client.get("/api/v1/projects/film/audit")).json()["items"]
    return [one for one in reversed(found) if one["action"].startswith("rule")]


DEFAULTS = [
    "final-asks",
    "wide-style-asks",
    "looks-follow",
    "metadata-follows",
    "everything-follows",
]


async def test_a_project_starts_with_the_defaults(film: Web) -> None:
    found = (await film.client.get(RULES)).json()
    assert [one["id"] for one in found["items"]] == DEFAULTS
    assert [one["position"] for one in found["items"]] == [0, 1, 2, 3, 4]
    assert found["next_cursor"] is None
    assert found["items"][1]["affected_over"] == 50
    for one in found["items"]:
        Rule.model_validate(one)


async def test_rules_come_go_and_change_and_every_change_is_kept(film: Web) -> None:
    client = film.client
    made = await client.post(RULES, json=PROPS)
    assert made.status_code == 201, made.text
    assert made.json()["id"] == "props-ask"
    assert made.json()["position"] == 0
    assert await ids(client) == ["props-ask", *DEFAULTS]
    changed = {"name": "Props tell", "verdict": "notify", "position": 2}
    found = await client.put(f"{RULES}/props-ask", json=changed)
    assert found.json()["source_kinds"] == []
    assert await ids(client) == [*DEFAULTS[:2], "props-ask", *DEFAULTS[2:]]
    again = await client.put(f"{RULES}/props-ask", json=changed)
    assert again.json() == found.json()
    assert (await client.delete(f"{RULES}/props-ask")).json()["name"] == "Props tell"
    assert await ids(client) == DEFAULTS
    kept = await entries(client)
    assert [one["action"] for one in kept] == [
        "rule_created",
        "rule_changed",
        "rules_ordered",
        "rule_deleted",
    ]
    assert kept[0]["detail"]["before"] is None
    assert kept[0]["detail"]["after"]["source_kinds"] == ["prop"]
    assert kept[1]["detail"]["before"] == kept[0]["detail"]["after"]
    assert kept[1]["detail"]["after"]["verdict"] == "notify"
    assert kept[2]["detail"]["after"].index("props-ask") == 2
    assert kept[3]["detail"]["before"] == kept[1]["detail"]["after"]
    assert (await client.delete(f"{RULES}/props-ask")).status_code == 404
    assert (await client.put(f"{RULES}/props-ask", json=PROPS)).status_code == 404


async def test_names_make_ids_and_a_taken_id_is_a_conflict(film: Web) -> None:
    client = film.client
    for wanted in ("props-ask", "props-ask-2", "props-ask-3"):
        assert (await client.post(RULES, json=PROPS)).json()["id"] == wanted
    taken = await client.post(RULES, json={"id": "final-asks", "verdict": "block"})
    assert code_of(taken) == "conflict"
    other = await client.put(f"{RULES}/final-asks", json={"id": "b", "verdict": "block"})
    assert other.json()["errors"][0]["field"] == "id"


async def test_the_whole_list_is_replaced_and_reordered(film: Web) -> None:
    client = film.client
    items = (await client.get(RULES)).json()["items"]
    turned = await client.put(RULES, json=items[::-1])
    assert [one["id"] for one in turned.json()["items"]] == DEFAULTS[::-1]
    fewer = await client.put(RULES, json={"rules": [items[0], PROPS]})
    assert [one["id"] for one in fewer.json()["items"]] == ["final-asks", "props-ask"]
    actions = [one["action"] for one in await entries(client)]
    assert actions == ["rules_ordered", *["rule_deleted"] * 4, "rule_created"]
    assert (await client.put(RULES, json=[])).json()["items"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"verdict": "explode", "name": "a"}, "verdict"),
        ({"verdict": "block"}, "name"),
        ({"verdict": "block", "name": "a", "colour": 1}, "colour"),
        ({"verdict": "block", "name": "a", "affected_over": -1}, "affected_over"),
        ({"verdict": "block", "name": "a", "fields": ["*" * 9]}, "fields"),
        ({"verdict": "block", "name": "a", "change_classes": ["loud"]}, "change_classes.0"),
        ({"verdict": "block", "name": "a", "position": -1}, "position"),
    ],
)
async def test_the_offending_key_is_named(film: Web, body: dict[str, Any], field: str) -> None:
    for response, prefix in (
        (await film.client.post(RULES, json=body), ""),
        (await film.client.put(RULES, json=[PROPS, body]), "rules.1."),
    ):
        assert code_of(response) == "invalid"
        assert response.json()["errors"][0]["field"] == prefix + field
    assert await ids(film.client) == DEFAULTS


async def test_what_stands_there_twice_is_refused_and_so_are_too_many(film: Web) -> None:
    twice = await film.client.put(RULES, json=[{**PROPS, "id": "a"}, {**PROPS, "id": "a"}])
    assert twice.json()["errors"][0]["field"] == "rules.1.id"
    many = await film.client.put(RULES, json=[PROPS] * 201)
    assert code_of(many) == "invalid"


async def test_rules_that_would_take_long_are_refused_wherever_they_come_from(film: Web) -> None:
    long = [{**PROPS, "name": f"r{n}", "fields": [f"*{n}*{f}" for f in range(100)]} for n in (1, 2)]
    assert (await film.client.put(RULES, json=long)).status_code == 200
    more = [{**one, "name": f"{one['name']}{n}"} for one in long for n in range(3)]
    one = {**long[0], "id": "more"}
    for response in (
        await film.client.put(RULES, json=more),
        await film.client.post(f"{RULES}/test", json={"version": "mara_v1", "rules": more}),
        await film.client.post(
            "/api/v1/projects/film/import?format=json",
            json={"project": {"rules": [{**one, "id": f"r{n}"} for n in range(6)]}},
        ),
    ):
        assert code_of(response) == "invalid"
        assert "500 in all" in response.json()["errors"][-1]["message"]
    tries = {"version": "mara_v1", "rules": [PROPS] * 201}
    assert code_of(await film.client.post(f"{RULES}/test", json=tries)) == "invalid"


async def test_a_trial_of_many_fields_has_a_short_answer_and_of_very_many_none(film: Web) -> None:
    change = {"asset_id": "mara", "change_data": {f"field {n}": n for n in range(500)}}
    body = {"change": change, "rule": {**PROPS, "fields": ["colour*"]}}
    answer = await film.client.post(f"{RULES}/test", json=body)
    question = answer.json()["items"][0]["question"]
    assert (len(question["fields"]), question["more_fields"]) == (100, 400)
    assert len(answer.content) < 10_000
    change["change_data"] = {f"field {n}": n for n in range(501)}
    assert code_of(await film.client.post(f"{RULES}/test", json=body)) == "invalid"
    described = {"source_kind": "prop", "fields": [f"field {n}" for n in range(501)]}
    body = {"change": described, "target": "sh010"}
    assert code_of(await film.client.post(f"{RULES}/test", json=body)) == "invalid"


async def test_yaml_goes_out_and_in_again(film: Web) -> None:
    client = film.client
    before = (await client.get(RULES)).json()
    out = await client.get(RULES, headers={"accept": "application/yaml"})
    assert out.headers["content-type"].startswith("application/yaml")
    assert out.headers["vary"] == "accept"
    assert read_yaml(out.content)["rules"][0]["id"] == "final-asks"
    assert "source_kinds" not in read_yaml(out.content)["rules"][0]
    same = await client.put(RULES, content=out.content, headers=YAML)
    assert same.json() == before
    assert await entries(client) == []
    made = await client.post(RULES, content="name: Yes\nverdict: pin\nroles: [on]", headers=YAML)
    assert made.json()["roles"] == ["on"]
    bare = await client.put(RULES, content="- {name: a, verdict: pin}", headers=YAML)
    assert [one["id"] for one in bare.json()["items"]] == ["a"]


async def test_yaml_that_could_hurt_is_refused(film: Web) -> None:
    for said in ("a: &a [*a]", "name: !!python/name:os.system", "\x00", "[" * 9000):
        response = await film.client.post(RULES, content=said, headers=YAML)
        assert response.status_code == 400, said
    wrong = await film.client.post(RULES, content="verdict: pin\nwhen: now", headers=YAML)
    assert [one["field"] for one in wrong.json()["errors"]] == ["when"]
    elsewhere = await film.client.post("/api/v1/projects", content="name: a", headers=YAML)
    assert code_of(elsewhere) == "malformed"


async def test_owners_change_rules_and_viewers_read_and_try_them(film: Web) -> None:
    approver, viewer = await film.as_(Role.APPROVER, "film"), await film.as_(Role.VIEWER, "film")
    owner = await film.as_(Role.OWNER, "film")
    for method, path in (("POST", RULES), ("PUT", RULES), ("PUT", f"{RULES}/final-asks")):
        refused = await approver.request(method, path, json=PROPS)
        assert code_of(refused) == "forbidden"
    assert code_of(await approver.delete(f"{RULES}/final-asks")) == "forbidden"
    assert (await viewer.get(RULES)).status_code == 200
    change = {"asset_id": "mara", "change_data": {"description": "b"}}
    assert (await viewer.post(f"{RULES}/test", json={"change": change})).status_code == 200
    assert (await owner.post(RULES, json=PROPS)).status_code == 201


async def test_a_rule_that_changed_decides_from_then_on(film: Web) -> None:
    client = film.client
    await client.post(RULES, json={"name": "No coats", "verdict": "block", "roles": ["wardrobe"]})
    change = {"change_data": {"description": "Red coat"}}
    answer = (await client.post("/api/v1/assets/mara/propagate", json=change)).json()
    assert answer["counts"] == {"updated": 1, "blocked": 1}


async def test_pages_are_told(film: Web) -> None:
    owner = await film.state.projects.open("film")
    before = owner.seq
    await film.client.post(RULES, json=PROPS)
    events = await owner.storage.events_after("film", before, 10)
    assert events is not None
    assert [(one.type, one.body["rules"], one.concerns) for one in events] == [
        ("rules_changed", ["props-ask"], None)
    ]


# -- trying rules out ------------------------------------------------------------------------------


async def tried(film: Web, **body: Any) -> dict[str, Any]:
    response = await film.client.post(f"{RULES}/test", json=body)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    RuleTest.model_validate(found)
    return found


CHANGE = {"asset_id": "mara", "change_data": {"description": "Red coat"}}


async def test_which_rule_decides_for_a_change_and_a_target_and_why(film: Web) -> None:
    found = await tried(film, change=CHANGE, target="sh010")
    assert found["verdict"] == "update"
    assert found["rule"]["id"] == "looks-follow"
    assert found["why"] == "the change is visual"
    assert found["decided"] == {"now": {"looks-follow": 1}, "candidate": None}
    (item,) = found["items"]
    assert item["target"]["id"] == "sh010"
    assert item["source"]["id"] == "coat"
    assert item["now"]["passed_over"][0] == {
        "id": "final-asks",
        "name": "Final shots and assets wait for approval",
        "why": "its status is wip, not final",
    }
    assert item["question"]["fields"] == ["@references", "description"]
    entity = (await film.client.get("/api/v1/projects/film/entities/mara")).json()
    assert entity["version"] == 1, "a trial changes nothing"
    nothing = await tried(film, change=CHANGE, target="sh020")
    assert nothing["items"] == []
    assert nothing["why"] == "nothing is reached by this change"


async def test_a_target_and_a_change_need_not_be_there(film: Web) -> None:
    change = {"source_kind": "style", "classes": ["visual"], "affected": 51}
    found = await tried(film, change=change, target={"kind": "shot"})
    assert (found["verdict"], found["rule"]["id"]) == ("require_approval", "wide-style-asks")
    assert found["decided"] == {"now": {"wide-style-asks": 1}, "candidate": None}
    final = await tried(film, change=CHANGE, target={"kind": "shot", "status": "final"})
    assert final["rule"]["id"] == "final-asks"
    assert final["items"][0]["question"]["change_classes"] == ["visual"]


async def test_a_candidate_is_compared_target_by_target(film: Web) -> None:
    rule = {"name": "Coats ask", "verdict": "require_approval", "target_kinds": ["wardrobe"]}
    found = await tried(film, change=CHANGE, rule=rule)
    assert found["total"] == 2
    assert found["changed"] == 2
    assert found["counts"] == {
        "now": {"update": 2},
        "candidate": {"require_approval": 1, "not_reached": 1},
    }
    assert found["decided"] == {"now": {"looks-follow": 2}, "candidate": {"coats-ask": 1}}
    coat, shot = found["items"]
    assert coat["candidate"]["rule"] == {"id": "coats-ask", "name": "Coats ask"}
    assert shot["candidate"]["why"] == "what it would come through does not follow"
    assert await ids(film.client) == DEFAULTS
    whole = await tried(film, change=CHANGE, rules=[])
    assert whole["changed"] == 0
    assert whole["items"][0]["candidate"]["why"] == "no rule is about this, so it follows"


async def test_a_rule_is_tried_on_a_change_that_was_made(film: Web) -> None:
    client = film.client
    change = {"change_data": {"description": "Red coat"}}
    run = (await client.post("/api/v1/assets/mara/propagate", json=change)).json()["run_id"]
    await client.post("/api/v1/assets/mara/propagate", json={"change_data": {"notes": "n"}})
    rule = {"name": "Looks ask", "verdict": "block", "fields": ["desc*"], "author_roles": ["owner"]}
    by_run = await tried(film, run_id=run, rule=rule)
    assert by_run["items"][0]["now"]["verdict"] == "update"
    assert by_run["items"][0]["candidate"]["verdict"] == "block"
    assert by_run["items"][0]["outcome"] == "updated"
    by_version = await tried(film, version="mara_v2", rule=rule)
    assert by_version["items"][0]["candidate"]["verdict"] == "block"
    note = await tried(film, version="mara_v3", rule=rule)
    assert note["changed"] == 0
    assert note["items"][0]["question"]["fields"] == ["notes"]
    assert code_of(await client.post(f"{RULES}/test", json={"version": "mara_v9"})) == "not_found"
    assert code_of(await client.post(f"{RULES}/test", json={"run_id": "run-1"})) == "not_found"


async def test_a_pinned_reference_asks_no_rule(film: Web) -> None:
    entity = {"kind": "shot", "name": "p", "id": "p"}
    pinned = {**entity, "references": [{"source": "coat", "version": 1}]}
    await film.client.post("/api/v1/projects/film/entities", json=pinned)
    found = await tried(film, change=CHANGE, target="p")
    assert found["verdict"] == "pinned"
    assert found["rule"] is None
    assert "no rule is asked" in found["why"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"change": {}},
        {"change": {"source_kind": "style"}},
        {"change": CHANGE, "version": "mara_v1"},
        {"change": CHANGE, "rule": {"verdict": "block", "name": "a", "when": 1}},
        {"change": {"asset_id": "mara"}},
        {"change": {"source_kind": "nothing"}, "target": {"kind": "shot"}},
    ],
)
async def test_a_test_that_cannot_be_is_invalid(film: Web, body: dict[str, Any]) -> None:
    assert code_of(await film.client.post(f"{RULES}/test", json=body)) == "invalid"
