"""A small plan of which nothing is to be said, and the same with a few values changed."""

from copy import deepcopy
from typing import Any

import yaml

from tocsin.plan import lint
from tocsin.plan.linting.findings import Around, Report

GONE = object()  # put in the place of a key, it takes the key out

SMALL: dict[str, Any] = yaml.safe_load(
    """
tocsin: 1
name: Kiln
version: "2"
people:
  ida: { name: Ida Lund, title: Engineer }
  jo: { name: Jo Okoro, title: Engineer }
  kim: { name: Kim Sato, title: Director }
teams:
  engineers: { name: Engineers, members: [ida, jo] }
  board: { name: Board, members: [kim] }
roles:
  lead: { name: Leader, purpose: Decides, duties: [Choose the way out], eligible: [engineers] }
services:
  kiln: { name: Kiln }
severities:
  bad:
    name: Bad
    definition: The kiln is cold
    response: Answer within 10 minutes, and post every 30 minutes.
    examples: [More than 50 % of firings are slow]
    acknowledge_within: 10 min
    resolve_within: 2 h
    escalation: in_turn
    roles_within: { lead: 15 min }
    post_mortem: required
  mild:
    name: Mild
    definition: The kiln is lukewarm
    examples: [More than 20 % of firings are slow]
    acknowledge_within: 20 min
    resolve_within: 2 h
    escalation: in_turn
    roles_within: { lead: 30 min }
    post_mortem: required
    public_impact: none
rotations:
  first: { people: [ida, jo], starts_on: 2026-01-05, handoff: "09:00" }
  second: { people: [jo, ida], starts_on: 2026-01-05, handoff: "09:00" }
escalation:
  in_turn:
    steps:
      - { page: [first], wait: 5 min }
      - { page: [second], wait: 5 min }
      - { page: [everyone], wait: 5 min }
phases:
  answer: { name: Answer, begins_when: declared, within: 20 min, actions: [Look at the gauge] }
  mend: { name: Mend, begins_when: mitigated, within: 2 h, actions: [Turn it back, Watch for 30 minutes] }
types:
  cold: { name: Cold kiln, symptoms: It cools, actions: [Look at the gas], runbook: "https://kiln.example/cold" }
  theft:
    name: Breach
    symptoms: Somebody broke in
    actions: [Lock up]
    runbook: "https://k.example"
    private: true
    readers: [board]
rules:
  - { name: theft, when: { kind: theft }, type: theft, severity: bad }
  - { name: cold, when: { kind: [cold, cool] }, type: cold, severity: bad }
  - { name: other, when: { source: alertmanager }, type: cold, severity: mild }
communication:
  audiences:
    board:
      name: The board
      owner: lead
      to: [board]
      template: report
      cadence: { bad: { first_within: 30 min, every: 30 min } }
    public:
      name: Public
      owner: lead
      public: true
      cadence:
        bad: { first_within: 30 min, every: 1 h }
        mild: { first_within: 1 h, every: 2 h }
  stages: { investigating: note, identified: note, monitoring: note, resolved: note }
templates:
  report: "{impact}"
  note: "{message}"
recovery: { owner: lead, watch_for: 30 min }
review:
  meeting_within: 2 d
  minutes: 30
  attendees: [lead, responders]
  agenda: [{ topic: All of it, minutes: 30 }]
  sections: { summary: { title: Summary, prompt: What happened, facts: summary_facts } }
links: { Kilns: "https://kiln.example" }
history: [{ "on": 2026-01-01, version: "1", changes: First }, { "on": 2026-02-01, version: "2", changes: Second }]
"""
)


def small(**changes: object) -> dict[str, Any]:
    """The plan with other values at some paths, written with `__` for the dots; items of a list count from 1."""
    plan = deepcopy(SMALL)
    for place, value in changes.items():
        put(plan, place.split("__"), value)
    return plan


def put(plan: Any, path: list[str], value: object) -> None:
    *parents, last = path
    for part in parents:
        plan = plan[int(part) - 1] if isinstance(plan, list) else plan.setdefault(part, {})
    if value is GONE:
        del plan[last]
    elif isinstance(plan, list):
        plan[int(last) - 1 : int(last)] = [value]
    else:
        plan[last] = value


def examined(plan: dict[str, Any], around: Around | None = None) -> Report:
    return lint.examine(text_of(plan), around=around or Around())


def text_of(plan: dict[str, Any]) -> str:
    return str(yaml.dump(plan, Dumper=yaml.SafeDumper, sort_keys=False, allow_unicode=True))
