"""Edges before a real authority."""

import statistics
import time
import unittest

from support import Authority, Edge, faketime, wait_for

REALM = 'Bearer realm="jeton"'


class Truth(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.authority = Authority(cls.addClassCleanup)
        told = (cls.authority.url, cls.authority.live)
        cls.edges = [Edge(cls.addClassCleanup, name, *told) for name in Edge.NODE + Edge.PYTHON]
        for edge in cls.edges:
            edge.started()
        _, cls.token = cls.authority.job()
        for edge in cls.edges:
            wait_for(f"{edge.name} to be ready", lambda: edge.ask(cls.token).status == 200)

    def each(self, check) -> None:
        for edge in self.edges:
            with self.subTest(edge.name):
                check(edge)

    def test_a_living_token_is_let_through_and_whoever_answers_learns_whose_it_is(self) -> None:
        made, token = self.authority.job("orders:read", "orders:write", owner="alice")

        def check(edge: Edge) -> None:
            answer = edge.ask(token)
            self.assertEqual(answer.status, 200)
            seen = answer.json()
            self.assertEqual(seen["subject"], "alice")
            for name, value in {"subject": "alice", "client": made["id"], "scope": "orders:read orders:write"}.items():
                self.assertEqual(seen["headers"][f"x-jeton-{name}"], value)
            self.assertGreater(int(seen["headers"]["x-jeton-expires"]), time.time())

        self.each(check)

    def test_refusals_are_the_authoritys_own(self) -> None:
        _, other = self.authority.job("orders:write")

        def check(edge: Edge) -> None:
            for token, status, challenge in [
                (None, 401, REALM),
                ("no.such.token", 401, f'{REALM}, error="invalid_token"'),
                (self.token[:-2], 401, f'{REALM}, error="invalid_token"'),
                (other, 403, f'{REALM}, error="insufficient_scope", scope="orders:read"'),
            ]:
                answer = edge.ask(token)
                self.assertEqual((answer.status, answer.headers["www-authenticate"]), (status, challenge))
                self.assertEqual((answer.headers["cache-control"], answer.body), ("no-store", b""))

        self.each(check)

    def test_a_token_that_is_shown_oddly_is_refused_or_the_same_token(self) -> None:

        def check(edge: Edge) -> None:
            for scheme in ("bearer", "BEARER", "Bearer  "):
                self.assertEqual(edge.ask(None, f"Authorization: {scheme} {self.token}").status, 200)
            self.assertEqual(edge.ask(None, f"aUTHORIZATION: Bearer {self.token}").status, 200)
            bad = f'{REALM}, error="invalid_request"'
            for fields in (
                [f"Authorization: Bearer {self.token}"] * 2,
                [f"Authorization: Bearer {self.token}", "authorization: Bearer x"],
                ["Authorization: Bearer"],
                [f"Authorization: Bearer {self.token}, Bearer {self.token}"],
                [f"Authorization: Bearer {self.token}\xe9"],
            ):
                answer = edge.ask(None, *fields)
                self.assertEqual((answer.status, answer.headers.get("www-authenticate")), (401, bad), fields)
            self.assertEqual(edge.ask(None, "Authorization: Digest a=b").headers["www-authenticate"], REALM)
            # RFC 9112 section 5.2: a server refuses folded fields, or takes the fold for spaces.
            for fold in ("\r\n ", "\r\n\t"):
                self.assertIn(edge.ask(None, f"Authorization: Bearer{fold}{self.token}").status, (200, 400, 401))
                half = len(self.token) // 2
                folded = f"Authorization: Bearer {self.token[:half]}{fold}{self.token[half:]}"
                self.assertIn(edge.ask(None, folded).status, (400, 401))
            # Some servers refuse fields of that size themselves.
            self.assertIn(edge.ask("a" * 16 * 1024).status, (400, 401, 431))
            self.assertIn(edge.ask(self.token + "a" * 16 * 1024).status, (400, 401, 431))
            self.assertEqual(edge.ask(self.token).status, 200)

        self.each(check)

    def test_identity_headers_of_a_client_are_thrown_away(self) -> None:
        forged = [f"{name}: admin" for name in ("X-Jeton-Subject", "x-jeton-client", "X-JETON-SCOPE", "X-Jeton-Anything", "X_Jeton_Subject")]

        def check(edge: Edge) -> None:
            seen = edge.ask(self.token, *forged).json()["headers"]
            self.assertEqual(seen["x-jeton-scope"], "orders:read")
            self.assertNotIn("admin", " ".join(str(value) for value in seen.values()))
            self.assertEqual(edge.ask(None, *forged).status, 401)

        self.each(check)

    def test_a_token_bound_to_networks_is_judged_by_where_the_request_comes_from(self) -> None:
        made = self.authority.create(
            "bound", scopes=["orders:read"], networks=["127.0.0.2/32"], networks_in_access_tokens=True
        )
        token = self.authority.exchange(made["token"], source="127.0.0.2")

        def check(edge: Edge) -> None:
            self.assertEqual(edge.ask(token, source="127.0.0.2").status, 200)
            refused = edge.ask(token)
            self.assertEqual((refused.status, refused.headers["www-authenticate"]), (401, f'{REALM}, error="invalid_token"'))

        self.each(check)

    def test_the_deletion_of_a_parent_reaches_every_edge_within_the_second(self) -> None:
        took = {edge.name: [] for edge in self.edges}
        for _ in range(5):
            parent = self.authority.create("parent", scopes=["orders:read"])
            _, token = self.authority.job(parent=parent["id"])
            for edge in self.edges:
                wait_for("the token to be let through", lambda: edge.ask(token).status == 200)
            self.authority.delete(parent)
            deleted = time.monotonic()
            open_at = set(took)
            while open_at:
                self.assertLess(time.monotonic() - deleted, 30, open_at)
                for edge in self.edges:
                    if edge.name in open_at and edge.ask(token).status == 401:
                        took[edge.name].append(time.monotonic() - deleted)
                        open_at.remove(edge.name)
        for name, times in took.items():
            print(f"{name}: refused after {statistics.median(times) * 1000:.0f} ms, at most {max(times) * 1000:.0f} ms")

    def test_an_authority_that_dies_takes_the_edges_along_after_the_lease_and_brings_them_back(self) -> None:
        _, token = self.authority.job()
        for edge in self.edges:
            wait_for("the token to be let through", lambda: edge.ask(token).status == 200)
        self.authority.kill()
        killed = time.monotonic()
        for edge in self.edges:
            answer = wait_for(f"{edge.name} to know nothing any more", lambda: (a := edge.ask(token)).status == 503 and a)
            self.assertEqual((answer.headers["retry-after"], answer.headers["cache-control"]), ("1", "no-store"))
        self.assertGreater(time.monotonic() - killed, 1)
        # It starts a new epoch: what was out is dead, and what it mints from now on lives.
        self.authority.start()
        _, newer = self.authority.job()

        def check(edge: Edge) -> None:
            wait_for(f"{edge.name} to be back", lambda: edge.ask(newer).status == 200)
            self.assertEqual(edge.ask(token).status, 401)

        self.each(check)
        type(self).token = newer

    def test_an_epoch_that_is_ordered_to_end_kills_what_is_out(self) -> None:
        _, token = self.authority.job()
        for edge in self.edges:
            wait_for("the token to be let through", lambda: edge.ask(token).status == 200)
        self.authority.call("POST", "/v1/epoch/advance")
        self.authority.bearer = self.authority.exchange(self.authority.administrator)
        type(self).token = self.authority.job()[1]

        def check(edge: Edge) -> None:
            wait_for(f"{edge.name} to refuse", lambda: edge.ask(token).status == 401)
            wait_for(f"{edge.name} to take what is new", lambda: edge.ask(self.token).status == 200)

        self.each(check)


class Late(unittest.TestCase):
    def test_an_edge_that_starts_without_its_authority_denies_and_goes_on_by_itself_once_there_is_one(self) -> None:
        authority = Authority(self.addCleanup)
        _, token = authority.job()
        authority.kill()
        told = (authority.url, authority.live)
        edges = [Edge(self.addCleanup, name, *told) for name in Edge.NODE + Edge.PYTHON]
        for edge in edges:
            answer = edge.started().ask(token)
            with self.subTest(edge.name):
                self.assertEqual((answer.status, answer.headers["retry-after"], answer.body), (503, "1", b""))
        authority.start()
        _, newer = authority.job()
        for edge in edges:
            with self.subTest(edge.name):
                wait_for(f"{edge.name} to know its authority", lambda: edge.ask(newer).status == 200)
                self.assertEqual(edge.ask(token).status, 401)


class Clocks(unittest.TestCase):
    def test_an_edge_whose_clock_is_off_by_an_hour_says_so_and_revives_nothing(self) -> None:
        authority = Authority(self.addCleanup)
        moved = {"LD_PRELOAD": faketime(), "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        edges = [
            (offset, Edge(self.addCleanup, name, authority.url, authority.live, FAKETIME=f"{offset}h", **moved))
            for name in ("express", "flask")
            for offset in ("-1", "+1")
        ]
        _, token = authority.job()
        short, soon_over = authority.job(access_ttl=2)
        for offset, edge in edges:
            edge.started()
            with self.subTest(f"{edge.name} {offset} h"):
                wait_for("a warning", lambda: "clock" in edge.process.log())
                # A clock that is ahead sees every token expire early; one that is behind goes by the authority's.
                wait_for("a verdict", lambda: edge.ask(token).status == (200 if offset == "-1" else 401))
                wait_for("the end of a short life", lambda: edge.ask(soon_over).status == 401)


if __name__ == "__main__":
    unittest.main()
