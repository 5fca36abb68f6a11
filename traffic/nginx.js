// Steers NGINX (njs): picks a side for each request, counts what each side gets, says what it goes by.
// `site` is preloaded from the file that traffic/nginx.py renders; weights are in the shared dictionary `steering`.

import fs from 'fs';

const TOTAL = 10000;
const ALONE = '_alone';
const EMPTY_LINE = /^(.*,)?[ \t]*(,.*)?$/;
const ADDRESS = /^(\d{1,3}(\.\d{1,3}){3}|[0-9a-f]*:[0-9a-f:]*:[0-9a-f:.]*)$/i;

// What is in effect. The file is read by whoever comes first after a start; `add` loses to a `set` in between.
function state() {
    const text = ngx.shared.steering.get('now');
    if (text !== undefined) {
        return JSON.parse(text);
    }
    let first;
    try {
        first = read();
    } catch (error) {
        first = all_back(error.message);
    }
    ngx.shared.steering.add('now', JSON.stringify(first));
    return JSON.parse(ngx.shared.steering.get('now'));
}

// What the file says, if that can be obeyed.
function read() {
    const said = JSON.parse(fs.readFileSync(file(), 'utf8'));
    if (!whole(said.epoch)) {
        throw Error(`its epoch is ${said.epoch}`);
    }
    let total = 0;
    said.weights.forEach((each) => {
        if (!site.backends[each[0]] || !whole(each[1])) {
            throw Error(`a weight is ${JSON.stringify(each)}`);
        }
        total += each[1];
    });
    if (total !== 0 && total !== TOTAL) {
        throw Error(`its weights sum to ${total}, not to ${TOTAL}`);
    }
    return said;
}

function file() {
    return `${site.folder}/live/steering.json`;
}

function whole(number) {
    return typeof number === 'number' && number >= 0 && Math.floor(number) === number;
}

// Started with a file that cannot be obeyed: the way back, and the reason for whoever looks; without one all is closed.
function all_back(why) {
    let epoch = 0;
    try {
        const said = JSON.parse(fs.readFileSync(file(), 'utf8')).epoch;
        epoch = whole(said) ? said : 0;
    } catch (error) {
        epoch = 0;
    }
    const weights = Object.keys(site.backends).map((name) => [name, name === site.way_back ? TOTAL : 0]);
    return { version: `${epoch}-unusable`, epoch: epoch, weights: weights, instead_before: {}, unusable: why };
}

// Where in 0 … 9999 a key lies: FNV-1a with murmur3's last mix.
function bucket(key) {
    let hash = 0x811c9dc5;
    for (let place = 0; place < key.length; place++) {
        hash = Math.imul(hash ^ key.charCodeAt(place), 0x01000193);
    }
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return ((hash ^ (hash >>> 16)) >>> 0) % TOTAL;
}

// Where a request comes from, as the trusted hops say; what is no address, or has a port, is as if none were said.
// NGINX joins the header's lines; of several `r.headersIn` ends with a comma too many (njs 0.9.9), and all are a hop off.
function source(r) {
    if (site.trusted_hops) {
        const hops = (r.variables.http_x_forwarded_for || '').split(',');
        const said = (hops[hops.length - site.trusted_hops] || '').trim();
        return ADDRESS.test(said) ? said : r.remoteAddress;
    }
    return r.remoteAddress;
}

// What a header says, all its lines together; one with an empty line says nothing. (`r.headersIn`: see `source`.)
function said(r, header) {
    const lines = r.variables[`http_${header.replace(/-/g, '_')}`] || '';
    return EMPTY_LINE.test(lines) ? '' : lines;
}

function place(r) {
    if (!site.sticky) {
        return Math.floor(Math.random() * TOTAL);
    }
    return bucket(said(r, site.sticky[0]) || said(r, site.sticky[1]) || source(r));
}

function pick(r) {
    const weights = state().weights;
    const probed = r.headersIn[site.probe];
    if (probed) {
        const open = weights.some((each) => each[0] === probed && each[1] > 0);
        return open ? probed + ALONE : '';
    }
    let left = place(r);
    for (let index = 0; index < weights.length; index++) {
        left -= weights[index][1];
        if (left < 0) {
            return weights[index][0];
        }
    }
    return '';
}

// The upstream of a request; empty: refused. The request is counted at its side from here until it is over.
function side(r) {
    const upstream = pick(r);
    if (upstream) {
        const name = upstream.replace(ALONE, '');
        r.variables.aurops_at = name;
        count(name, 'requests', 1);
        count(name, 'under_way', 1);
    }
    return upstream;
}

function count(name, what, by) {
    ngx.shared.counts.incr(`${name} ${what}`, by, 0);
}

// The side whose backend was tried last.
function served(r) {
    const name = r.variables.aurops_side.replace(ALONE, '');
    const tried = r.variables.upstream_addr || '';
    const last = tried.slice(tried.lastIndexOf(' ') + 1);
    const spare = site.instead[name];
    return spare && !site.backends[name][last] && site.backends[spare][last] ? spare : name;
}

function served_header(r) {
    return r.variables.upstream_addr ? served(r) : '';
}

// A WebSocket came about; from now on it is under way where it really is.
function opened(r) {
    if (r.status !== 101) {
        return;
    }
    const at = r.variables.aurops_at;
    const by = served(r);
    count(at, 'sockets', 1);
    if (by !== at) {
        count(at, 'under_way', -1);
        count(by, 'under_way', 1);
        r.variables.aurops_at = by;
    }
}

// The end of a request. It is the condition of a log, so that it runs then; nothing is ever logged.
function over(r) {
    const at = r.variables.aurops_at;
    if (at) {
        const name = r.variables.aurops_side.replace(ALONE, '');
        const by = served(r);
        count(at, 'under_way', -1);
        if (by !== name) {
            count(name, 'instead', 1);
            count(by, 'requests', 1);
        }
    }
    return '0';
}

function epoch() {
    return state().epoch;
}

// GET: what is in effect. POST: read the file, unless its epoch is older than that.
function admin(r) {
    try {
        if (r.method === 'POST') {
            const said = read();
            const now = ngx.shared.steering.get('now');
            if (now !== undefined && said.epoch < JSON.parse(now).epoch) {
                r.return(409, `the file has an older epoch than ${JSON.parse(now).epoch}\n`);
                return;
            }
            ngx.shared.steering.set('now', JSON.stringify(said));
        }
        const counts = {};
        ngx.shared.counts.items().forEach((each) => { counts[each[0]] = each[1]; });
        r.return(200, JSON.stringify({ steering: state(), counts: counts }));
    } catch (error) {
        r.return(503, `the steering file cannot be obeyed: ${error.message}\n`);
    }
}

export default { side, epoch, opened, over, served_header, admin };
