// Open-loop load on one proxy: a read and a write without retry in each iteration; each write has its number.
import exec from 'k6/execution';
import http from 'k6/http';
import { Counter } from 'k6/metrics';

export const options = {
  scenarios: {
    all: {
      executor: 'constant-arrival-rate', rate: Number(__ENV.RATE), timeUnit: '1s', duration: `${__ENV.SECONDS}s`,
      preAllocatedVUs: 20, maxVUs: 200, gracefulStop: '5s',
    },
  },
};
const written = new Counter('written');
const failed = new Counter('not_answered');

export default function run() {
  const number = exec.scenario.iterationInTest;
  const headers = { 'x-user-id': `user-${number % 500}` };
  const read = http.get(`${__ENV.URL}/reads/${number}`, { headers });
  const wrote = http.post(`${__ENV.URL}/writes/${number}`, '{}', { headers });
  written.add(wrote.status === 200 ? 1 : 0);
  failed.add((read.status === 200 ? 0 : 1) + (wrote.status === 200 ? 0 : 1));
}
