// Three clients of one V11, at the same rate at the same time: gRPC to V11 itself, REST through the gateway, REST through
// edge and gateway. Open loop; each iteration reads the same transaction.
import grpc from 'k6/net/grpc';
import http from 'k6/http';
import { check } from 'k6';

const rate = Number(__ENV.RATE);
const scenario = (exec) => ({
  executor: 'constant-arrival-rate', exec, rate, timeUnit: '1s', duration: `${__ENV.SECONDS}s`, preAllocatedVUs: 40,
});
const wanted = ['direct', 'gateway', 'edge'];
const watched = {};
for (const name of wanted) {
  watched[`${name === 'direct' ? 'grpc' : 'http'}_req_duration{scenario:${name}}`] = ['med>=0'];
  watched[`checks{scenario:${name}}`] = ['rate>=0'];
}
export const options = {
  scenarios: Object.fromEntries(wanted.map((name) => [name, scenario(name)])),
  thresholds: watched,
  summaryTrendStats: ['med', 'avg', 'p(95)', 'p(99)', 'count'],
};

const client = new grpc.Client();
client.loadProtoset(__ENV.PROTOSET);
let connected = false;

export function direct() {
  if (!connected) {
    client.connect(__ENV.DIRECT, { plaintext: true });
    connected = true;
  }
  const said = client.invoke('ledger.v11.Transactions/GetTransaction', { id: 'bench' });
  check(said, { ok: (r) => r.status === grpc.StatusOK });
}

const get = (url) => check(http.get(`${url}/v1/transactions/bench`), {
  ok: (r) => r.status === 200 && (r.headers['X-Aurops-Side'] || 'v11') === 'v11',
});
export function gateway() { get(__ENV.GATEWAY); }
export function edge() { get(__ENV.EDGE); }
