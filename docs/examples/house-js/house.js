// A house's own rules, in JavaScript: what reaches production belongs to a team, and lives 30 days at most.
//
// They bind refresh tokens with a scope that begins with `prod:`, and no others. All else is handed on to the authority below.
// An answer of an imported function is returned, a refusal thrown: whatever is not caught here is the answer from below.

import * as tokens from 'jeton:policy/refresh-tokens@0.1.0';
import * as bearers from 'jeton:policy/exchange@0.1.0';
import { readClock } from 'jeton:policy/upkeep@0.1.0';

/** A name begins with one of them: whom to ask when a token leaks. */
const TEAMS = ['payments/', 'logistics/', 'data/'];

/** Seconds from the making of a token to its end. Seconds are BigInts, since the contract has 64 bits for them. */
const LONGEST = 30n * 86_400n;

const isBound = (scopes) => scopes.some((scope) => scope.startsWith('prod:'));
const isOfTeam = (name) => TEAMS.some((team) => name.startsWith(team) && name.length > team.length);

/** The expiry that was asked for, or the longest where none was; refused where it is later. */
function within(expiry, made) {
  const now = readClock().time;
  const until = { after: () => now + expiry.val, at: () => expiry.val, 'by-setting': () => made + LONGEST }[expiry.tag]?.();
  if (until === undefined || until > made + LONGEST) throw 'house-rule-on-expiry';
  return { tag: 'at', val: until };
}

export const refreshTokens = {
  ...tokens,

  issue(actor, request) {
    if (!isBound(request.scopes)) return tokens.issue(actor, request);
    if (!isOfTeam(request.name)) throw 'house-rule-on-name';
    // Both of these are the setting's and the parent's bounds, too: the lowest counts.
    return tokens.issue(actor, { ...request, expiry: within(request.expiry, readClock().time) });
  },

  edit(actor, id, change, generation) {
    const token = find(id);
    if (!token || !isBound(change.scopes ?? token.scopes)) return tokens.edit(actor, id, change, generation);
    if (!isOfTeam(change.name ?? token.name)) throw { tag: 'invalid', val: 'house-rule-on-name' };
    let { expiry } = change;
    try {
      if (expiry) expiry = within(expiry, token.createdAt);
    } catch (refusal) {
      throw { tag: 'invalid', val: refusal };
    }
    return tokens.edit(actor, id, { ...change, expiry }, generation);
  },
};

export const exchange = {
  ...bearers,

  exchange(request) {
    refuseNothing(request.scope);
    if (!mayBeUsed(request.refreshToken)) throw 'invalid-grant';
    return bearers.exchange(request);
  },

  exchangeToken(request) {
    refuseNothing(request.scope);
    if (!mayBeUsed(request.subjectToken)) throw 'invalid-subject';
    const parent = find(idOf(request.subjectToken));
    if (parent && isBound(parent.scopes) && request.name && !isOfTeam(request.name)) throw 'invalid-member';
    return bearers.exchangeToken(request);
  },
};

/** Whatever is no refresh token is left to the rules below, so that nobody learns from here what is good. */
const idOf = (presented) => /^jtn_rt_([0-9A-Za-z]{22})/.exec(presented)?.[1] ?? '';

/** Strings come without the byte order mark that they begin with: a scope of nothing else is malformed, and would ask for all scopes. */
function refuseNothing(scope) {
  if (scope === '') throw 'invalid-scope';
}

/** What is shown of a refresh token; nothing where there is none. */
function find(id) {
  try {
    return tokens.show(id);
  } catch (refusal) {
    if (refusal.payload === 'not-found') return undefined;
    throw refusal;
  }
}

/** Whether the house lets it be used: one that was imported, or was there before these rules, may break them. */
function mayBeUsed(presented) {
  const token = find(idOf(presented));
  if (!token || !isBound(token.scopes)) return true;
  return isOfTeam(token.name) && readClock().time < token.createdAt + LONGEST;
}
