// Load on one URL: a read and a write without retry in each iteration; each write has its own id. Open loop at RATE, or
// with VUS closed loop, each of them as fast as it is answered: what the URL can take.
import exec from 'k6/execution';
import http from 'k6/http';
import { Counter } from 'k6/metrics';

export const options = {
  scenarios: {
    all: __ENV.VUS ? {
      executor: 'constant-vus', vus: Number(__ENV.VUS), duration: `${__ENV.SECONDS}s`, gracefulStop: '5s',
    } : {
      executor: 'constant-arrival-rate', rate: Number(__ENV.RATE), timeUnit: '1s', duration: `${__ENV.SECONDS}s`,
      preAllocatedVUs: 20, maxVUs: 200, gracefulStop: '5s',
    },
  },
};
const written = new Counter('written');
const failed = new Counter('not_answered');

export default function run() {
  const number = exec.scenario.iterationInTest;
  const id = `${__ENV.NAME}-${number}`;
  const user = { 'x-user-id': `user-${number % 500}` };
  const read = http.get(`${__ENV.URL}/v1/transactions/seed`, { headers: user });
  const headers = { ...user, 'content-type': 'application/json', 'x-request-id': id };
  const body = { id, sender: 'a', recipient: 'b', assetId: 'gold', amount: 1 };
  const wrote = http.post(`${__ENV.URL}/v1/transactions`, JSON.stringify(body), { headers });
  written.add(wrote.status === 201 ? 1 : 0);
  failed.add((read.status === 200 ? 0 : 1) + (wrote.status === 201 ? 0 : 1));
}
