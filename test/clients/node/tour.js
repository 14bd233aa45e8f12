// The tour of test/clients with the NATS client for Node: node tour.js URL
//
// A flush of the writer and then of the reader stands for every wait: when the server has answered
// both, all that was published before has been handed to the reader's callbacks.
import assert from "node:assert/strict";
import process from "node:process";
import { connect, Empty, headers, InvalidArgumentError, RequestError } from "@nats-io/transport-node";

const patience = 15_000; // ms; only a failing tour ever waits that long

const say = (step, what) => console.log(`${step}: ${what}`);

const open = (name) =>
  connect({ servers: process.argv[2], name, timeout: patience, maxReconnectAttempts: -1, reconnectTimeWait: 10, reconnectJitter: 0 });

/** Subscribes and returns the array that the messages go into. */
function gather(nc, subject, options = {}) {
  const got = [];
  nc.subscribe(subject, {
    ...options,
    callback: (err, m) => {
      assert.ifError(err);
      got.push(m);
    },
  });
  return got;
}

async function settle(...connections) {
  for (const nc of connections) {
    await nc.flush();
  }
}

async function failure(promise) {
  try {
    await promise;
  } catch (err) {
    return err;
  }
  assert.fail("there was no error");
}

async function meet(nc) {
  const info = nc.info;
  assert.ok(info.client_id > 0);
  assert.ok(info.server_id.length > 0);
  say("connect", `max payload ${info.max_payload}, headers ${info.headers}, seen as ${info.client_ip}`);
  assert.ok((await nc.rtt()) >= 0);
  await nc.flush();
  say("flush", "answered, round trip measured");
}

async function publish(writer, reader) {
  const got = gather(reader, "plain");
  await settle(reader);
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  writer.publish("plain", "hello", { reply: "back" });
  writer.publish("plain", Empty);
  writer.publish("plain", bytes);
  await settle(writer, reader);
  assert.equal(got.length, 3);
  assert.deepEqual(Uint8Array.from(got[2].data), bytes);
  say("publish", `"${got[0].string()}" for ${got[0].reply}, ${got[1].data.length} bytes, ${got[2].data.length} bytes`);
}

async function wildcards(writer, reader) {
  const patterns = ["cup.*.hot", "cup.>", "*.tea", "cup"];
  const got = patterns.map((pattern) => gather(reader, pattern));
  await settle(reader);
  for (const subject of ["cup", "cup.tea", "cup.tea.hot", "cup.tea.hot.now", "pot.tea"]) {
    writer.publish(subject);
  }
  await settle(writer, reader);
  say("wildcards", patterns.map((pattern, i) => `${pattern} has ${got[i].map((m) => m.subject).join(" ")}`).join(", "));
}

async function queue(writer, reader) {
  const members = await Promise.all([1, 2, 3].map(() => open("member")));
  const shares = members.map((nc) => gather(nc, "job", { queue: "workers" }));
  const all = gather(reader, "job");
  await settle(reader, ...members);
  for (let n = 0; n < 3000; n++) {
    writer.publish("job", String(n));
  }
  await settle(writer, reader, ...members);
  const times = new Map();
  for (const m of shares.flat()) {
    times.set(m.string(), (times.get(m.string()) ?? 0) + 1);
  }
  const once = [...times.values()].filter((n) => n === 1).length;
  const busy = shares.filter((share) => share.length > 0).length;
  say("queue", `${once} of 3000 handled once by ${busy} members, ${all.length} seen by the one outside`);
  await Promise.all(members.map((nc) => nc.close()));
}

async function request(writer, reader) {
  reader.subscribe("double", { callback: (_, m) => m.respond(String(2 * Number(m.string()))) });
  await settle(reader);
  const asked = Array.from({ length: 100 }, (_, n) => writer.request("double", String(n), { timeout: patience }));
  const right = (await Promise.all(asked)).filter((m, n) => m.string() === String(2 * n)).length;
  say("request", `${right} of 100 answers right`);

  const err = await failure(writer.request("nobody.home", Empty, { timeout: patience }));
  assert.ok(err instanceof RequestError && err.isNoResponders(), err);
  say("no responders", "told");
}

async function header(writer, reader) {
  const got = gather(reader, "letter");
  reader.subscribe("letter", {
    callback: (_, m) => {
      const h = headers();
      h.set("Stamp", "yes");
      m.respond("read", { headers: h });
    },
  });
  await settle(reader);
  const h = headers();
  h.append("Colour", "red");
  h.append("Colour", "light blue");
  h.set("at", "12:30");
  h.set("Song", "là là: là");
  const answer = await writer.request("letter", "dear", { headers: h, timeout: patience });
  const seen = got[0].headers;
  say(
    "headers",
    `Colour=${seen.values("Colour").join("|")} at=${seen.get("at")} Song=${seen.get("Song")} of ${seen.keys().length}, ` +
      `"${got[0].string()}", answered "${answer.string()}" with Stamp=${answer.headers.get("Stamp")}`,
  );
}

// The client stops by itself, too, so its count of what came in tells what the server sent.
async function unsubscribe(writer, reader) {
  const got = gather(reader, "few", { max: 5 });
  await settle(reader);
  const before = reader.stats().inMsgs;
  for (let n = 0; n < 10; n++) {
    writer.publish("few");
  }
  await settle(writer, reader);
  say("unsubscribe", `${got.length} of 10 delivered, ${reader.stats().inMsgs - before} sent by the server`);
}

async function maxPayload(writer, reader) {
  const got = gather(reader, "big");
  await settle(reader);
  const most = writer.info.max_payload;
  writer.publish("big", new Uint8Array(most));
  assert.throws(() => writer.publish("big", new Uint8Array(most + 1)), InvalidArgumentError);
  await settle(writer, reader);
  say("max payload", `${got.map((m) => m.data.length)} delivered, one byte more refused`);
}

async function order(writer, reader) {
  const sub = reader.subscribe("count", { max: 10_000 });
  await settle(reader);
  for (let n = 0; n < 10_000; n++) {
    writer.publish("count", String(n));
  }
  writer.flush();
  let next = 0;
  for await (const m of sub) {
    assert.equal(m.string(), String(next));
    next++;
  }
  say("order", `${next} of 10000 in order`);
}

// What is under way to a reader that drains is handled; what a writer that drains has published goes out.
async function drain(writer, reader) {
  const leaving = await open("leaving");
  const handled = gather(leaving, "last", { queue: "readers" });
  const sent = gather(reader, "farewell");
  await settle(leaving, reader);
  for (let n = 0; n < 1000; n++) {
    writer.publish("last");
    leaving.publish("farewell");
  }
  await settle(writer);
  await leaving.drain();
  assert.ok(leaving.isClosed());
  await settle(reader);
  const err = await failure(writer.request("last", Empty, { timeout: patience }));
  assert.ok(err instanceof RequestError && err.isNoResponders(), err);
  say("drain", `${handled.length} of 1000 handled, ${sent.length} of 1000 sent, closed, nobody left`);
}

async function event(nc, type) {
  for await (const status of nc.status()) {
    if (status.type === type) {
      return;
    }
  }
  assert.fail(`closed before ${type}`);
}

// The lines tell who started this when to stop the server and when to start it again.
async function restart(nc) {
  const got = gather(nc, "news");
  nc.subscribe("double", { callback: (_, m) => m.respond(String(2 * Number(m.string()))) });
  await settle(nc);
  const lost = event(nc, "disconnect");
  const back = event(nc, "reconnect");
  say("restart", "ready");
  await lost;
  say("restart", "lost");
  await back;
  nc.publish("news", "again");
  const answer = await nc.request("double", "21", { timeout: patience });
  say("restart", `back, heard ${got.map((m) => m.string()).join(" and ")}, answer ${answer.string()}`);
}

const writer = await open("writer");
const reader = await open("reader");
await meet(writer);
for (const step of [publish, wildcards, queue, request, header, unsubscribe, maxPayload, order, drain]) {
  await step(writer, reader);
}
await reader.close();
await restart(writer);
await writer.close();
say("end", "closed");
