// A client in plain JavaScript (node 20, no packages) over the exchange, written from docs/protocol.md alone.
// It keeps its numbers in memory: it shows the protocol, not how to survive a power cut.
//   node client.mjs BASE_URL ACCOUNT_ID AUTH_KEY master [TRADES]      opens and closes that many positions
//   node client.mjs BASE_URL ACCOUNT_ID AUTH_KEY follower [COMMANDS]  answers that many commands, then leaves
// Prints one line of JSON when everything is acknowledged; exit status 1 when something was refused.
// SYMBOLS=file.json: a list of symbols in place of EURUSD alone, as InitRequest has them.
import { randomBytes, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";

const EURUSD = { name: "EURUSD", digits: 5, contract_size: "100000", lots_min: "0.01", lots_step: "0.01", lots_max: "50" };
const SYMBOLS = process.env.SYMBOLS ? JSON.parse(readFileSync(process.env.SYMBOLS)) : [EURUSD];
const PART_BYTES = 14000; // a frame has 16 KiB, with its envelope and the fields that are no list
const FUNDS = { balance: "10000.00", equity: "10000.00" };
const sleep = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));

function uuid7() {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(Date.now(), 0, 6);
  bytes[6] = 0x70 | (bytes[6] & 0x0f);
  bytes[8] = 0x80 | (bytes[8] & 0x3f);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

class Client {
  installation = randomUUID();
  outbox = []; // durable frames that are not acknowledged, in order of seq
  plain = []; // frames without a number
  seq = 0; // number of the newest durable frame of this session
  sent = 0; // highest number sent on this link
  log = { epoch: null, head: 0, headId: null }; // how far the gateway's commands are known here
  waitUntil = 0;
  nextBeat = 0;
  nextInit = 0;
  counts = { sent: 0, acked: 0, commands: 0, refused: 0 };

  constructor(base, account, key) {
    Object.assign(this, { api: `${base}/ea-gateway/v1`, account, key });
  }

  async openSession() {
    const body = { account_id: this.account, auth_method: "account_session_key", auth_key: this.key, platform: "sdk" };
    const headers = { "Content-Type": "application/json", "Idempotency-Key": randomUUID() };
    const response = await fetch(`${this.api}/sessions`, { method: "POST", headers, body: JSON.stringify(body) });
    this.session = await response.json();
    if (response.status !== 201) throw new Error(`${this.session.code}: ${this.session.detail}`);
    this.seq = 0; // numbers belong to the session, ids to the frame: what waits is numbered anew
    for (const frame of this.outbox) Object.assign(frame, { seq: (this.seq += 1), resent: true });
    this.resume();
  }

  resume() {
    const { epoch, head, headId } = this.log;
    this.greeted = false;
    this.plain = [];
    this.say("Hello", { epoch, last_server_seq: head, last_server_id: headId, installation_id: this.installation, ledger_head: head });
  }

  frame = (type, payload) => ({ v: 1, type, id: uuid7(), sent_at: new Date().toISOString(), payload });
  say = (type, payload) => this.plain.push(this.frame(type, payload));
  durable = (type, payload) => (this.counts.sent += 1) && this.outbox.push({ ...this.frame(type, payload), seq: (this.seq += 1) });

  // One call: what is to be said, what may be sent, and what the gateway answers.
  async exchange() {
    if (this.greeted && Date.now() >= this.nextBeat) {
      this.nextBeat = Date.now() + 1000 * this.session.heartbeat.interval_seconds;
      this.say("StatusHeartbeat", { ...FUNDS, connected: true });
    }
    if (this.greeted && !this.ready && !this.pending && Date.now() >= this.nextInit) this.introduce(); // no InitAck came
    const may = this.greeted && Date.now() >= this.waitUntil;
    const numbered = may ? this.outbox.filter((frame) => frame.seq > this.sent).slice(0, 40) : [];
    const frames = [...this.plain.splice(0, 40), ...numbered]; // a call has 1 MiB
    const call = { frames, ack: this.greeted ? this.log.head : null, hold_ms: frames.length ? 0 : 200 };
    const headers = { "Content-Type": "application/json", Authorization: `Bearer ${this.session.session_token}` };
    let response, answer;
    try {
      response = await fetch(this.session.exchange_url, { method: "POST", headers, body: JSON.stringify(call) });
      answer = await response.json();
    } catch {
      await sleep(Math.random());
      return this.resume(); // whatever was lost with the call comes again
    }
    if (numbered.length) this.sent = numbered.at(-1).seq;
    for (const frame of answer.frames ?? []) this.hear(frame);
    this.settle(answer.ack ?? 0);
    if (response.ok || (this.leaving && response.status === 410)) return;
    if (response.status === 401 || response.status === 410) return this.openSession();
    if (response.status !== 429 && response.status < 500) throw new Error(`stopped: ${answer.code}`);
    await sleep(Number(response.headers.get("Retry-After") ?? 1) + Math.random());
    this.resume();
  }

  settle(ack) {
    const before = this.outbox.length;
    this.outbox = this.outbox.filter((frame) => frame.seq > ack);
    this.counts.acked += before - this.outbox.length;
  }

  hear(frame) {
    const { type, payload } = frame;
    this.settle(frame.ack ?? 0);
    if (type === "SessionState") this.greet(payload);
    else if (type === "InitAck") this.ready = true;
    else if (type === "TestRequest") this.nextBeat = 0;
    else if (type === "OrderCommand" || type === "GapFill") this.take(frame);
    else if (type === "Ack") for (const one of payload.refused ?? []) one.final ? (this.counts.refused += 1) : this.again(1);
    else if (type === "ErrorAlert" && payload.retryable) this.again(payload.retry?.after_seconds ?? 1);
    else if (type === "ResendRequest") this.sent = Math.min(this.sent, payload.from - 1);
    else if (type === "SyncSnapshot" && payload.phase === "request")
      this.say("SyncSnapshot", { phase: "report", request_id: payload.request_id, connected: false });
    else if (type === "ShutdownNotice" && payload.phase !== "ack")
      this.say("ShutdownNotice", { reason: payload.reason, phase: "ack", last_seq: this.sent });
  }

  greet(state) {
    if (state.status !== "pending" && state.status !== "authenticated") return;
    this.pending = state.status === "pending";
    if (state.epoch && state.epoch !== this.log.epoch) this.log = { epoch: state.epoch, head: 0, headId: null };
    if (this.greeted) return;
    this.greeted = true;
    this.settle((this.sent = state.stored_seq ?? 0));
    this.introduce();
  }

  // A long list goes in parts, in order, all with one digest; one that is lost discards them all.
  introduce() {
    const parts = [[]];
    let room = PART_BYTES;
    for (const symbol of SYMBOLS) {
      const bytes = Buffer.byteLength(JSON.stringify(symbol)) + 1;
      if (bytes > room && parts.at(-1).length) (room = PART_BYTES), parts.push([]);
      parts.at(-1).push(symbol);
      room -= bytes;
    }
    const head = { platform: "sdk", currency: "USD", ea_version: "1.0", transport: "exchange", capabilities: ["init_parts", "ticket"] };
    const set = parts.length > 1 ? { of: parts.length, digest: uuid7() } : {};
    parts.forEach((symbols, index) => this.say("InitRequest", { ...head, ...FUNDS, symbols, ...set, n: index + 1 }));
    this.nextInit = Date.now() + 10000; // time enough for the gateway to take as many frames again
  }

  // Everything that is not acknowledged comes again, in order, after so many seconds.
  again(seconds) {
    this.sent = (this.outbox[0]?.seq ?? this.sent + 1) - 1;
    this.waitUntil = Date.now() + 1000 * seconds;
  }

  take({ type, seq, id, payload }) {
    const { head } = this.log;
    if (seq > head + 1) return this.say("ResendRequest", { from: head + 1, to: Math.min(seq - 1, head + 200) });
    if (type === "GapFill") this.log.head = Math.max(head, payload.next - 1);
    if (type === "GapFill" || seq <= head) return;
    Object.assign(this.log, { head: seq, headId: id });
    this.counts.commands += 1;
    const { command_id, copy_no, attempt, lots, price } = payload;
    const ticket = payload.ticket ?? 100000 + copy_no; // named where two positions carry one magic number
    const outcome = payload.action === "open" ? { status: "filled" } : { status: "closed", remaining_lots: "0" };
    const report = { command_id, command_seq: seq, copy_no, attempt: attempt ?? 1, ticket, lots, price };
    this.durable("ExecutionReport", { ...report, ...outcome, ...FUNDS });
  }
}

const [base, account, key, role, wanted = "50"] = process.argv.slice(2);
const client = new Client(base, account, key);
await client.openSession();
while (!client.ready) await client.exchange();
console.error(`${role} is ready`);
for (let ticket = 1; role === "master" && ticket <= Number(wanted); ticket += 1) {
  const order = { position_id: ticket, ticket, symbol: "EURUSD", side: "buy", lots: "0.10", price: "1.10000" };
  client.durable("OrderIntent", { action: "open", ...order });
  client.durable("OrderIntent", { action: "close", ...order, profit: "1.00" });
}
while (client.outbox.length || (role === "follower" && client.counts.commands < Number(wanted))) await client.exchange();
client.leaving = client.say("ShutdownNotice", { reason: "shutdown_by_ea", last_seq: client.seq });
await client.exchange();
console.log(JSON.stringify({ role, ...client.counts, head: client.log.head }));
process.exitCode = client.counts.acked === client.counts.sent && client.counts.refused === 0 ? 0 : 1;
