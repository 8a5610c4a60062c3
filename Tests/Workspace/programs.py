#!/usr/bin/env python3
"""Uses the programs as a person does: help, wrong words, configuration files, busy ports, signals, a day's admin commands.

usage: programs.py <folder with mqnamesrv, mqbroker, mqadmin, mqstore and mqbench> [case ...]
"""
import os
import pathlib
import re
import signal

import desk as desks
from desk import expect, rmq

# Where mqadmin puts bodies: one folder for everybody on the machine, so it may be somebody else's.
BODIES = pathlib.Path("/tmp/rocketmq/msgbodys")


def help_and_wrong_words(desk):
    for program in ["mqnamesrv", "mqbroker", "mqstore", "mqbench"]:
        for word in ["-h", "--help"]:
            code, output, errors = desk.run(program, word)
            expect(code == 0 and "usage: " + program in output and not errors, f"{program} {word}: {code} {output!r} {errors!r}")
        code, output, errors = desk.run(program, "--nosuch")
        expect(code in (1, 2) and errors, f"{program} --nosuch: {code} {output!r} {errors!r}")
    code, output, _ = desk.run("mqadmin")
    expect(code == 0 and "   clusterList          List all of clusters\n" in output, f"mqadmin: {code} {output!r}")
    code, output, _ = desk.run("mqadmin", "topicRoute", "-z")
    expect(code == 1 and output.startswith("usage: mqadmin topicRoute [-h] [-l]"), f"a wrong option of mqadmin: {code} {output!r}")


def printed_configuration(desk):
    configuration = desk.broker_configuration()
    for words in [("-c", configuration, "-p"), (f"-c{configuration}", "-m"), (f"--configFile={configuration}", "-pm")]:
        code, output, errors = desk.run("mqbroker", *words)
        expect(code == 0 and "brokerName=broker-a" in output and not errors, f"mqbroker {words}: {code} {output!r} {errors!r}")
    code, output, _ = desk.run("mqnamesrv", "-p")
    expect(code == 0 and "listenPort=9876" in output, f"mqnamesrv -p: {code} {output!r}")


def versions(desk):
    said = {desk.run(program, "--version")[:2] for program in ["mqnamesrv", "mqbroker", "mqadmin", "mqstore", "mqbench"]}
    expect(all(code == 0 and re.fullmatch(r"mq\w+ (\d+\.\d+\.\d+) \(.*\)\n", text) for code, text in said), f"versions: {said}")
    expect(len(said) == 5 and len({text.split()[1] for _, text in said}) == 1, f"programs and versions: {said}")


def checked_configuration(desk):
    good = desk.broker_configuration()
    for words in [("mqbroker", "-t", "-c", good), ("mqbroker", "-t"), ("mqnamesrv", "-t"), ("mqnamesrv", "-tc", desk.file("n.conf", "listenPort=9999\n"))]:
        code, output, errors = desk.run(*words)
        expect(code == 0 and "can be started with" in output and not errors, f"{words}: {code} {output!r} {errors!r}")
    expect(not (desk.folder / "store").exists(), "a check made a store")
    code, output, errors = desk.run("mqbroker", "-t", "-c", desk.broker_configuration("nosuchKey = 1"))
    expect(code == 0 and "nosuchKey" in errors, f"a key that is not known: {code} {errors!r}")
    for program, line, cause in [("mqbroker", "listenPort=abc", "listenPort=abc"), ("mqnamesrv", "listenPort=abc", "listenPort=abc"),
                                 ("mqbroker", "enableDLegerCommitLog=true", "enableDLegerCommitLog"), ("mqbroker", "brokerRole=SLAVE", "brokerId"),
                                 ("mqbroker", "brokerIP1=no.such.host.invalid", "brokerIP1"), ("mqnamesrv", "clusterTest=true", "NAMESRV_ADDR")]:
        code, output, errors = desk.run(program, "-t", "-c", desk.file("bad.conf", line + "\n"))
        expect(code == 1 and cause in errors and "can be started" not in output, f"{program} -t with {line}: {code} {output!r} {errors!r}")
    bad_tls = "tls.server.mode=enforcing\ntls.test.mode.enable=false\ntls.server.certPath=nosuch.pem\ntls.server.keyPath=nosuch.key\n"
    for program in ["mqnamesrv", "mqbroker"]:
        code, _, errors = desk.run(program, "-t", "-c", desk.file("tls.conf", bad_tls))
        expect(code == 1 and "nosuch" in errors, f"{program} -t without a certificate: {code} {errors!r}")
        desk.file("acl.conf", "aclEnable=true\n")
        (desk.folder / "conf").mkdir(exist_ok=True)
        desk.file("conf/plain_acl.yml", "accounts: 7\n")
        code, _, errors = desk.run(program, "-t", "-c", "acl.conf", ROCKETMQ_HOME=str(desk.folder))
        expect(code == 1 and "plain_acl.yml" in errors, f"{program} -t with bad accounts: {code} {errors!r}")
    code, _, errors = desk.run("mqbroker", "-t", "-c", "nosuch.conf")
    expect(code == 1 and "nosuch.conf" in errors, f"-t with a file that is not there: {code} {errors!r}")


def wrong_configuration(desk):
    for program in ["mqnamesrv", "mqbroker"]:
        code, _, errors = desk.run(program, "-c", "nosuch.conf")
        expect(code != 0 and "nosuch.conf" in errors, f"{program} with a file that is not there: {code} {errors!r}")
        code, _, errors = desk.run(program, "-c", desk.file("bad.conf", "listenPort=abc\n"))
        expect(code != 0 and "listenPort=abc" in errors and "65" in errors, f"{program} with a bad value: {code} {errors!r}")
    code, _, errors = desk.run("mqbroker", "-n", "nonsense")
    expect(code != 0 and "nonsense" in errors, f"mqbroker with a bad name server: {code} {errors!r}")
    blocked = desk.file("a-file", "") / "store"
    code, _, errors = desk.run("mqbroker", "-c", desk.broker_configuration(f"storePathRootDir = {blocked}"))
    expect(code != 0 and str(blocked) in errors, f"mqbroker with a store that cannot be made: {code} {errors!r}")
    broker = desk.start("mqbroker", "-c", desk.broker_configuration("nosuchKey = 1"), until="boot success. serializeType")
    expect("nosuchKey" in broker.log.read_text(), "an unknown key is not named")
    expect(desk.end(broker) == 0, "mqbroker did not end well")


def busy_ports(desk):
    name_server = desk.name_server()
    code, _, errors = desk.run("mqnamesrv", "-c", "namesrv.conf")
    expect(code != 0 and f"{name_server} is in use" in errors, f"a second name server: {code} {errors!r}")
    configuration = desk.broker_configuration()
    first = desk.start("mqbroker", "-n", name_server, "-c", configuration, until="boot success. serializeType")
    port = desk.port
    code, _, errors = desk.run("mqbroker", "-n", name_server, "-c", desk.broker_configuration())
    expect(code == 253 and "store is in use" in errors, f"a second broker with that store: {code} {errors!r}")
    expect(f"process {first.pid} (mqbroker)" in errors and str(desk.folder / "store/lock") in errors, f"who has the store: {errors!r}")
    other = desk.file("other.conf", f"listenPort = {port}\nstorePathRootDir = {desk.folder / 'other'}\n")
    code, _, errors = desk.run("mqbroker", "-n", name_server, "-c", other)
    expect(code != 0 and f"127.0.0.1:{port} is in use" in errors and "listenPort" in errors, f"a second broker with that port: {code} {errors!r}")


def starts_and_stops(desk):
    name_server, configuration = desk.name_server(), desk.broker_configuration()
    for how in [signal.SIGTERM, signal.SIGINT]:
        broker = desk.start("mqbroker", "-n", name_server, "-c", configuration,
                            until=f"boot success. serializeType=JSON and name server is {name_server}")
        expect((desk.folder / "store/abort").exists(), "no abort file while the broker runs")
        expect(desk.end(broker, how) == 0, f"mqbroker did not end well on {how.name}")
        expect(not (desk.folder / "store/abort").exists(), f"an abort file after {how.name}")
    expect(desk.end(desk.started[0], signal.SIGINT) == 0, "mqnamesrv did not end well on SIGINT")
    for name in ["namesrv", "broker", "store", "remoting"]:
        expect((desk.folder / f"logs/rocketmqlogs/{name}.log").exists(), f"no {name}.log")
    expect("boot success" in (desk.folder / "logs/rocketmqlogs/broker.log").read_text(), "the start is not in broker.log")
    code, output, errors = desk.run("mqstore", "verify", desk.folder / "store")
    expect(code == 0, f"mqstore verify: {code} {output!r} {errors!r}")


def where_name_servers_come_from(desk):
    name_server = desk.name_server()

    def registered(*words, configuration="", **more):
        broker = desk.start("mqbroker", "-c", desk.broker_configuration(configuration), *words, until="boot success. serializeType", **more)
        _, output, errors = desk.run("mqadmin", "clusterList", "-n", name_server)
        desk.end(broker)
        return f"127.0.0.1:{desk.port} " in output

    nobody = f"127.0.0.1:{rmq.free_port()}"
    expect(registered(NAMESRV_ADDR=name_server), "the broker did not take NAMESRV_ADDR")
    expect(registered(NAMESRV_ADDR=f" ;; {name_server} ;\r\n"), "NAMESRV_ADDR with blanks, empty entries and a line end")
    expect(registered(configuration=f"namesrvAddr = {name_server}", NAMESRV_ADDR=nobody), "the file does not win over NAMESRV_ADDR")
    expect(registered("-n", name_server, configuration=f"namesrvAddr = {nobody}"), "-n does not win over the file")
    code, _, errors = desk.run("mqadmin", "topicList", NAMESRV_ADDR=name_server)
    expect(code == 0 and not errors, f"mqadmin did not take NAMESRV_ADDR: {errors!r}")
    code, _, errors = desk.run("mqadmin", "topicList", NAMESRV_ADDR=f" {name_server} ;;\r\n")
    expect(code == 0 and not errors, f"mqadmin with blanks and empty entries in NAMESRV_ADDR: {errors!r}")
    code, output, errors = desk.run("mqadmin", "topicList", "-n", nobody, NAMESRV_ADDR=name_server)
    expect(code == 0 and not output and f"connect to [{nobody}] failed" in errors, f"-n does not win over NAMESRV_ADDR: {output!r} {errors!r}")
    _, _, errors = desk.run("mqadmin", "topicList")
    expect("NAMESRV_ADDR" in errors, f"mqadmin without a name server: {errors!r}")


def stand_alone(desk):
    if rmq.answers("127.0.0.1:9876"):
        return "port 9876 is taken"
    broker = desk.start("mqbroker", "--standalone", "-c", desk.broker_configuration(), until="and name server is 127.0.0.1:9876")
    _, output, _ = desk.run("mqadmin", "clusterList", "-n", "127.0.0.1:9876")
    expect(f"127.0.0.1:{desk.port} " in output, f"clusterList: {output!r}")
    expect(desk.end(broker) == 0, "mqbroker --standalone did not end well")


def a_days_work(desk):
    name_server = desk.name_server()
    desk.start("mqbroker", "-n", name_server, "-c", desk.broker_configuration(), until="boot success. serializeType")

    def admin(*words):
        code, output, errors = desk.run("mqadmin", *words, NAMESRV_ADDR=name_server)
        expect(code == 0, f"mqadmin {words} ended with {code}")
        return output, errors

    def line(output, pattern):
        found = re.search(pattern, output, re.MULTILINE)
        expect(found, f"no line like {pattern!r} in {output!r}")
        return found.groups()

    output, _ = admin("updateTopic", "-c", "DefaultCluster", "-t", "Orders", "-r", "1", "-w", "1")
    line(output, rf"^create topic to 127\.0\.0\.1:{desk.port} success\.$")
    output, _ = admin("updateSubGroup", "-c", "DefaultCluster", "-g", "mailer")
    line(output, r"^create subscription group to ")
    (unique,) = line(admin("sendMessage", "-t", "Orders", "-p", "hello", "-k", "k1", "-c", "TagA")[0], r"^broker-a +0 +SEND_OK +(\w{32})$")
    line(admin("topicStatus", "-t", "Orders")[0], r"^broker-a +0 +0 +1 +\d{4}-\d\d-\d\d ")
    line(admin("consumeMessage", "-t", "Orders")[0], rf"^MSGID: {unique} .* BODY: hello$")
    rmq.wait_until(lambda: unique in admin("queryMsgByKey", "-t", "Orders", "-k", "k1")[0], what="the index to have the message")
    if os.access(BODIES if BODIES.exists() else "/tmp", os.W_OK):
        line(admin("queryMsgByUniqueKey", "-t", "Orders", "-i", unique)[0], rf"^Message Body Path: +{BODIES}/{unique}$")
        expect((BODIES / unique).read_bytes() == b"hello", "the file has another body")
        (BODIES / unique).unlink()
    records, _ = desk.run("mqstore", "dump", desk.folder / "store", "--topic", "Orders", "--json", "--body")[1:]
    expect("hello" in records, f"mqstore dump: {records!r}")
    line(admin("topicRoute", "-l", "-t", "Orders")[0], rf"^DefaultCluster +broker-a +{{0=127\.0\.0\.1:{desk.port}}} +1 +1 +6 +$")
    line(admin("brokerStatus", "-b", f"127.0.0.1:{desk.port}")[0], r"^brokerVersionDesc +: V4_9_8$")
    line(admin("topicList", "-c")[0], r"^DefaultCluster +Orders +$")
    expect(not admin("consumerProgress", "-g", "nobody")[0], "progress of a group that is not there")
    line(admin("deleteTopic", "-c", "DefaultCluster", "-t", "Orders")[0], r"^delete topic \[Orders\] from NameServer success\.$")
    output, errors = admin("topicRoute", "-t", "Orders")
    expect(not output and "CODE: 17  DESC: No topic route info" in errors, f"topicRoute of a deleted topic: {output!r} {errors!r}")


CASES = [help_and_wrong_words, versions, printed_configuration, checked_configuration, wrong_configuration, busy_ports, starts_and_stops, where_name_servers_come_from,
         stand_alone, a_days_work]

desks.run_cases("programs", CASES)
