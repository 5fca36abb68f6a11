"""What the lab's clouds answer to a program that is only recorded."""

from __future__ import annotations

from testbeds.lab.answers import LabAnswers

PROVIDER = "urn:pulumi:s::p::pulumi:providers:aws::cloud"
VPC = "urn:pulumi:s::p::aws:ec2/vpc:Vpc::net"
CLUSTER = "urn:pulumi:s::p::aws:rds/cluster:Cluster::db"
TOY = "urn:pulumi:s::p::toys:index:Toy::ball"
DRAWN = "aws:secretsmanager/getRandomPassword:getRandomPassword"


def test_the_same_question_has_the_same_answer_for_every_program() -> None:
    """Also after another program has made the same object, and for what a cloud draws anew at each call."""
    answers = LabAnswers()
    seen = []
    for _ in range(2):
        answers.begin()
        id_, _ = answers.resource(PROVIDER, {"region": "eu-west-1"}, "")
        seen.append(
            [
                answers.resource(VPC, {"cidrBlock": "10.0.0.0/16"}, f"{PROVIDER}::{id_}"),
                answers.call(DRAWN, {"passwordLength": 32}, ""),
            ]
        )
    assert seen[0] == seen[1]
    (id_, outputs), drawn = seen[0]
    assert id_.startswith("vpc-")
    assert outputs["cidrBlock"] == "10.0.0.0/16"
    assert outputs["mainRouteTableId"]
    assert drawn["randomPassword"]


def test_what_another_stack_has_made_need_not_be_there() -> None:
    """A member of a global database that is not in this world is answered as one that is: nothing is judged."""
    answers = LabAnswers()
    id_, _ = answers.resource(PROVIDER, {"region": "eu-west-1"}, "")
    inputs = {"clusterIdentifier": "db-eu", "engine": "aurora-postgresql", "globalClusterIdentifier": "elsewhere"}
    id_, outputs = answers.resource(CLUSTER, inputs, f"{PROVIDER}::{id_}")
    assert id_ == "db-eu"
    assert outputs["globalClusterIdentifier"] == "elsewhere"


def test_a_package_that_the_lab_does_not_play_has_answers_too() -> None:
    """What was asked for comes back with an identifier of its own; a function gives back what it was given."""
    answers = LabAnswers()
    id_, outputs = answers.resource(TOY, {"size": 3}, "")
    assert id_.startswith("ball-")
    assert outputs == {"size": 3}
    assert answers.call("toys:index:find", {"of": "x"}, "")["of"] == "x"
    assert answers.call("aws:ec2/getVpc:getVpc", {"id": "vpc-1"}, "")["id"]
