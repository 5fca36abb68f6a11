// One backend by several paths that take turns, at a constant arrival rate (open loop): the same transaction by gRPC
// (a URL without a scheme), or by REST. PATHS: their URLs by name; in every other round their order is the other one.
import grpc from 'k6/net/grpc';
import http from 'k6/http';
import { check } from 'k6';

const [rate, rounds, turn_s] = ['RATE', 'ROUNDS', 'TURN_S'].map((name) => Number(__ENV[name]));
const PAUSE_S = 0.5;
const paths = Object.entries(JSON.parse(__ENV.PATHS));
const scenarios = {};
for (let turn = 0; turn < rounds * paths.length; turn += 1) {
  const round = Math.floor(turn / paths.length);
  const place = turn % paths.length;
  const [name, url] = paths[round % 2 ? paths.length - 1 - place : place];
  scenarios[`${name.replaceAll(' ', '-')}_${round}`] = {
    executor: 'constant-arrival-rate', exec: url.includes('://') ? 'rest' : 'direct', env: { URL: url },
    rate, timeUnit: '1s', startTime: `${turn * (turn_s + PAUSE_S) * 1000}ms`, duration: `${turn_s * 1000}ms`,
    gracefulStop: `${PAUSE_S * 1000}ms`, preAllocatedVUs: 10 + Math.ceil(rate / 20),
  };
}
export const options = { scenarios, systemTags: ['scenario', 'check'], discardResponseBodies: true };

const client = new grpc.Client();
client.loadProtoset(__ENV.PROTOSET);
let connected = false;

export function direct() {
  if (!connected) {
    client.connect(__ENV.URL, { plaintext: true });
    connected = true;
  }
  const said = client.invoke('ledger.v11.Transactions/GetTransaction', { id: 'bench' });
  check(said, { ok: (r) => r.status === grpc.StatusOK });
}

export function rest() {
  check(http.get(`${__ENV.URL}/v1/transactions/bench`), {
    ok: (r) => r.status === 200 && (r.headers['X-Aurops-Side'] || 'v11') === 'v11',
  });
}
