import FederationCore
import FederationHTTP
import Glibc
import HostileKit
import Testing

/// What a node says to whoever watches it.
@Suite(.serialized) struct MonitorTests {
    private static let examples =
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        + "/examples/monitoring"

    /// Two nodes, of which the first is watched and has a third peer that is not there.
    private struct Watched {
        let alpha: TestNode
        let beta: TestNode
        let port = TestPort.free()
        let client = CurlClient()

        init() async throws {
            let scratch = ScratchDirectory()
            (alpha, beta) = (try await TestNode("alpha", in: scratch), try await TestNode("beta", in: scratch))
            alpha.set("monitor", "{listen: '127.0.0.1:\(port)'}")
            alpha.setPeers([
                ("beta", ["endpoint: \(beta.endpoint)"]), ("gone", ["endpoint: http://127.0.0.1:\(TestPort.free())"]),
                ("rests", ["endpoint: http://127.0.0.1:\(TestPort.free())", "mode: paused"]),
            ])
            beta.setPeer("alpha", alpha.endpoint)
            try await beta.put("# Of beta\n")
            for node in [alpha, beta] { try await node.start() }
            try await eventually("alpha has the note") { try await alpha.events().count == 1 ? true : nil }
        }

        func get(_ path: String, _ fields: HTTPFields = [:]) async throws -> HTTPResponse {
            try await client.perform(HTTPRequest(.get, path, fields: fields), endpoint: "http://127.0.0.1:\(port)").response
        }

        func stop() async throws {
            client.close()
            for node in [alpha, beta] { #expect(try await node.stop() == .exited(0)) }
        }
    }

    /// The value of one sample.
    private func value(_ sample: String, in text: String) -> Double? {
        text.split(separator: "\n").first { $0.hasPrefix(sample + " ") }.flatMap { Double($0.dropFirst(sample.count + 1)) }
    }

    @Test func numbersAreWhatHappened() async throws {
        let watched = try await Watched()
        let text = try await eventually("alpha has met both") { () -> String? in
            let text = String(decoding: try await watched.get("/metrics").body, as: UTF8.self)
            return value("federation_peer_consecutive_failures{peer=\"gone\"}", in: text) ?? 0 > 0
                && value("federation_peer_up{peer=\"beta\"}", in: text) == 1 ? text : nil
        }
        #expect(value("federation_peer_up{peer=\"gone\"}", in: text) == 0)
        #expect(value("federation_peer_up{peer=\"rests\"}", in: text) == nil, "nobody expects it to be up")
        #expect(value("federation_events", in: text) == 1 && value("federation_stopped", in: text) == 0)
        #expect(value("federation_events_received_total{outcome=\"applied\",peer=\"beta\"}", in: text) == 1)
        #expect(value("federation_poll_failures_total{peer=\"gone\",reason=\"network_refused\"}", in: text) ?? 0 > 0)
        #expect(value("federation_peer_lag_events{peer=\"beta\"}", in: text) == 0)
        #expect(value("federation_peer_lag_bytes{peer=\"beta\"}", in: text) == 0)
        #expect(value("federation_peer_lag_seconds{peer=\"beta\"}", in: text) == 0)
        #expect(value("federation_peer_lag_events{peer=\"gone\"}", in: text) == nil, "nobody knows")
        let seen = try #require(value("federation_peer_last_success_timestamp_seconds{peer=\"beta\"}", in: text))
        #expect(abs(seen - Double(time(nil))) < 300)
        #expect(abs(value("federation_peer_clock_drift_seconds{peer=\"beta\"}", in: text) ?? 99) < 10, "one machine, one clock")
        #expect(value("federation_peer_clock_drift_seconds{peer=\"gone\"}", in: text) == nil)
        #expect(value("process_resident_memory_bytes", in: text) ?? 0 > 1_000_000)
        #expect(value("process_open_fds", in: text) ?? 0 > 5)
        #expect(value("federation_database_bytes", in: text) ?? 0 > 10_000)
        #expect(value("federation_queue_length{queue=\"writes\"}", in: text) ?? -1 >= 0)
        // Beta follows alpha, or is about to.
        try await eventually("beta's request waits for news") {
            let text = String(decoding: try await watched.get("/metrics").body, as: UTF8.self)
            return (value("federation_queue_length{queue=\"held_requests\"}", in: text) == 1).orNil
        }
        try await watched.stop()
    }

    @Test func healthAndReadinessAreAnswered() async throws {
        let watched = try await Watched()
        for path in ["/healthz", "/readyz"] {
            let response = try await watched.get(path)
            #expect(response.status == 200)
            #expect(try JSON(response.body)["ok"]?.bool == true)
        }
        // A foreign page learns nothing, and there is nothing else.
        let socket = try RawSocket(connectingTo: watched.port)
        socket.send("GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n")
        #expect(socket.receiveHead().hasPrefix("HTTP/1.1 403"))
        #expect(try await watched.get("/metrics", ["Origin": "http://127.0.0.1:1"]).status == 403)
        #expect(try await watched.get("/federation/v1/identity").status == 404)
        #expect(try await watched.get("/healthz/x").status == 404)
        let post = HTTPRequest(.post, "/healthz", body: [1])
        #expect(try await watched.client.perform(post, endpoint: "http://127.0.0.1:\(watched.port)").response.status == 413)
        try await watched.stop()
    }

    /// Beyond this machine nobody watches in clear, unless somebody said so.
    @Test func itIsNotOpenToOthers() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        node.set("monitor", "{listen: '192.0.2.1:9469'}")
        let refused = try await node.run("check")
        #expect(refused.status != 0 && (refused.out + refused.err).contains("allow_open"))
    }

    /// What the rules and the dashboard speak of is there.
    @Test func theExamplesNameWhatThereIs() async throws {
        let watched = try await Watched()
        _ = try await eventually("gone has failed") {
            try await watched.alpha.peerStatus("gone")?["consecutive_failures"]?.integer ?? 0 > 0 ? true : nil
        }
        let text = String(decoding: try await watched.get("/metrics").body, as: UTF8.self)
        let there = Set(text.split(separator: "\n").compactMap { line in
            line.hasPrefix("#") ? nil : line.prefix { $0 != "{" && $0 != " " }
        }.map(String.init))
        // A node that serves no TLS has no certificate.
        let optional = ["federation_certificate_expiry_timestamp_seconds"]
        for file in ["alerts.yml", "dashboard.json"] {
            let used = TestFile.text("\(Self.examples)/\(file)")
                .split { !($0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_")) }
                .filter { $0.hasPrefix("federation_") || $0.hasPrefix("process_") }.map(String.init)
            #expect(used.count > 5)
            for name in Set(used) where !optional.contains(name) { #expect(there.contains(name), "\(file): \(name)") }
        }
        #expect(try JSON(TestFile.bytes("\(Self.examples)/dashboard.json"))["panels"]?.array?.count ?? 0 > 5)
        try await watched.stop()
    }

    private static let promtool = "/usr/bin/promtool"

    @Test(.enabled(if: TestFile.exists(MonitorTests.promtool), "run .ci/interop-packages: promtool is missing"))
    func prometheusFindsNothingWrong() async throws {
        let watched = try await Watched()
        let scratch = watched.alpha.scratch
        func promtool(_ arguments: [String], input: String = "/dev/null") async throws -> (ChildProcess.Ending, String) {
            let output = scratch.file("promtool")
            let process = try ChildProcess(Self.promtool, arguments, input: input, output: output, error: output + ".err")
            return (try await process.end(), TestFile.text(output) + TestFile.text(output + ".err"))
        }
        let metrics = scratch.file("metrics")
        TestFile.write(try await watched.get("/metrics").body, to: metrics)
        let checked = try await promtool(["check", "metrics"], input: metrics)
        #expect(checked.0 == .exited(0) && checked.1.isEmpty, "\(checked.1)")
        for arguments in [
            ["check", "rules", Self.examples + "/alerts.yml"], ["test", "rules", Self.examples + "/alerts_test.yml"],
            ["check", "config", Self.examples + "/prometheus.yml"],
        ] {
            let result = try await promtool(arguments)
            #expect(result.0 == .exited(0), "\(result.1)")
        }
        try await watched.stop()
    }

    private static let prometheus = "/usr/bin/prometheus"

    /// The program itself, which asks for OpenMetrics.
    @Test(.enabled(if: TestFile.exists(MonitorTests.prometheus), "run .ci/interop-packages: prometheus is missing"))
    func prometheusScrapes() async throws {
        let watched = try await Watched()
        let scratch = watched.alpha.scratch
        let (config, log, port) = (scratch.file("prometheus.yml"), scratch.file("prometheus.log"), TestPort.free())
        TestFile.write(
            """
            global: {scrape_interval: 1s}
            scrape_configs:
              - job_name: federation
                static_configs: [{targets: ["127.0.0.1:\(watched.port)"]}]

            """, to: config)
        let process = try ChildProcess(
            Self.prometheus,
            [
                "--config.file=\(config)", "--storage.tsdb.path=\(scratch.file("tsdb"))", "--log.level=warn",
                "--web.listen-address=127.0.0.1:\(port)",
            ], output: log, error: log)
        func query(_ expression: String) async throws -> Double? {
            let request = HTTPRequest(.get, "/api/v1/query?query=\(expression)")
            let answer = try? await watched.client.perform(request, endpoint: "http://127.0.0.1:\(port)").response
            guard let response = answer, response.status == 200 else { return nil }
            return try JSON(response.body).at("data", "result", "0", "value", "1")?.string.flatMap { Double($0) }
        }
        _ = try await eventually("Prometheus has scraped; its log:\n\(TestFile.text(log))") {
            try await query("federation_events") == 1 ? true : nil
        }
        #expect(try await query("up") == 1)
        #expect(try await query("federation_polls_total%7Bpeer%3D%22beta%22%7D") ?? 0 > 0)
        process.signal(SIGTERM)
        _ = try await process.end()
        try await watched.stop()
    }
}
