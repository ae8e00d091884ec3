import FederationCore

// MARK: What a broken or hostile server cannot do

extension WireContract {
    func truncation(_ subject: Subject) throws {
        let events = WireContract.sample(2)
        let server = try LoopedNode(subject.wire, holding: events)
        let whole = try server.poll()
        for request in whole.requests.indices {
            let length = try bodyLength(of: request, server)
            for offset in 0..<length {
                let cut = try server.poll { index, response in
                    var response = response
                    if index == request { response.body.removeLast(response.body.count - offset) }
                    return .response(response)
                }
                try expect(cut.ending != nil, "request \(request) cut at \(offset) does not end")
                for event in cut.events {
                    try expect(events.contains(event), "request \(request) cut at \(offset) gave another event")
                }
                let rest = try server.poll(after: cut)
                let all = Set(cut.events).union(rest.events)
                try expect(all == Set(events), "request \(request) cut at \(offset): \(all.count) of 2 events")
            }
        }
    }

    private func bodyLength(of request: Int, _ server: LoopedNode) throws -> Int {
        var length = 0
        _ = try server.poll { index, response in
            if index == request { length = response.body.count }
            return .response(response)
        }
        return length
    }

    func unknownMembers(_ subject: Subject) throws {
        let events = WireContract.sample(3)
        let unknown = Array(#"{"unknown":[1,{"a":null}],"#.utf8)
        let run = try LoopedNode(subject.wire, holding: events).poll { _, response in
            var response = response
            response.fields.append("X-Unknown", "yes")
            // At the beginning of each line: of the one JSON text, or of each line of JSON.
            var body: [UInt8] = []
            var isStart = true
            for byte in response.body {
                if isStart, byte == 0x7B { body += unknown } else { body.append(byte) }
                isStart = byte == 0x0A
            }
            response.body = body
            return .response(response)
        }
        try expect(run.failure == nil && run.events == events, "\(run.ending as Any)")
    }

    func badEvent(_ subject: Subject) throws {
        let events = WireContract.sample(3)
        var hasSpoilt = false
        let run = try LoopedNode(subject.wire, holding: events).poll { _, response in
            guard !hasSpoilt, let spoilt = subject.spoilt(response) else { return .response(response) }
            hasSpoilt = true
            return .response(spoilt)
        }
        try expect(hasSpoilt, "no answer held a page")
        try expect(run.events == Array(events.dropFirst()) && run.items.count == 3, "\(run.items.count) items came")
        try expect(run.failure == nil, "\(run.ending as Any)")
    }

    func overfullPage(_ subject: Subject) throws {
        let run = try LoopedNode(subject.wire, holding: WireContract.sample(3)).poll { _, response in
            .response(subject.overfull(response) ?? response)
        }
        guard case .malformed(.moreEventsThanAsked)? = run.failure else {
            return try expect(false, "\(run.ending as Any)")
        }
        try expect(run.pages.isEmpty, "the page was taken")
    }

    /// A cache that answers every request after the first page with that page.
    func repeatedPage(_ subject: Subject) throws {
        var page: HTTPResponse?
        let events = WireContract.sample(1100)
        let run = try LoopedNode(subject.wire, holding: events).poll { _, response in
            if let page { return .response(page) }
            if subject.overfull(response) != nil { page = response }
            return .response(response)
        }
        try expect(page != nil && run.ending != nil, "\(run.pages.count) pages and no end")
        try expect(run.pages.count < 3, "\(run.pages.count) pages")
    }

    func transportFailures(_ subject: Subject) throws {
        let server = try LoopedNode(subject.wire, holding: WireContract.sample(120))
        let whole = try server.poll()
        let failures: [TransportFailure] = [
            .refused, .timeout, .answerTooLarge(limit: 1), .other(code: 7),
        ]
        for request in whole.requests.indices {
            for failure in failures {
                let run = try server.poll { $0 == request ? .transport(failure) : .response($1) }
                try expect(run.failure == .transport(failure), "request \(request), \(failure): \(run.ending as Any)")
                let rest = try server.poll(after: run)
                try expect(Set(run.events + rest.events).count == 120, "request \(request), \(failure): events lost")
            }
        }
    }

    func statuses(_ subject: Subject) throws {
        let events = WireContract.sample(2)
        let server = try LoopedNode(subject.wire, holding: events)
        let whole = try server.poll()
        for request in whole.requests.indices {
            for status in Array(100...600) + [0, -1, .max] {
                let run = try server.poll { index, response in
                    .response(index == request ? HTTPResponse(status: status, body: Array("{}".utf8)) : response)
                }
                try expect(run.ending != nil, "request \(request), status \(status)")
                try expect(Set(run.events).isSubset(of: events), "request \(request), status \(status)")
                if status == 401 { try expect(run.failure?.reason == .auth, "\(run.ending as Any)") }
            }
        }
    }

    func hostileSizes(_ subject: Subject) throws {
        let server = try LoopedNode(subject.wire, holding: WireContract.sample(2))
        let whole = try server.poll()
        let bodies: [[UInt8]] = [
            [], [0], [0x0A], Array(repeating: 0x0A, count: 10_000), Array(repeating: 0x5B, count: 1 << 20),
            Array(repeating: 0x7B, count: 1 << 20), Array(repeating: 0x22, count: 1 << 20),
            Array(String(repeating: "[],", count: 200_000).utf8), Array(String(repeating: "9", count: 1 << 20).utf8),
            Array(String(repeating: #"{"a":"#, count: 100_000).utf8), Array(repeating: 0xFF, count: 4096),
            Array(#"{"id":"#.utf8) + Array(repeating: 0x31, count: 1 << 20) + [0x7D],
        ]
        let texts = [
            "", "18446744073709551616", "-1", String(repeating: "x", count: 1 << 20), "\u{1B}[2J\r\nX: y", "ü",
        ]
        for request in whole.requests.indices {
            for body in bodies {
                let run = try server.poll { index, response in
                    var response = response
                    if index == request { response.body = body }
                    return .response(response)
                }
                try expect(run.ending != nil, "request \(request), a body of \(body.count)")
            }
            for text in texts {
                let run = try server.poll { index, response in
                    guard index == request else { return .response(response) }
                    var fields: HTTPFields = [:]
                    for field in response.fields.fields { fields.append(field.name, text) }
                    return .response(HTTPResponse(status: response.status, fields: fields, body: response.body))
                }
                try expect(run.ending != nil, "request \(request), a field of \(text.utf8.count)")
                for sent in run.requests {
                    for field in sent.fields.fields { try expect(field.isHarmless, "a field was passed on") }
                }
            }
        }
    }

    func alteredAnswers(_ subject: Subject) throws {
        var random = SeededRandom(seed: 7)
        let server = try LoopedNode(subject.wire, holding: WireContract.sample(3))
        let requests = try server.poll().requests.count
        for _ in 0..<700 {
            let request = random.below(requests)
            let run = try server.poll { index, response in
                var response = response
                if index == request { WireContract.alter(&response.body, &random) }
                return .response(response)
            }
            try expect(run.ending != nil, "it does not end")
        }
    }

    /// Changes, removes, doubles or inserts a few bytes.
    static func alter(_ bytes: inout [UInt8], _ random: inout SeededRandom) {
        for _ in 0...random.below(4) {
            guard !bytes.isEmpty else { return }
            let place = random.below(bytes.count)
            let end = min(bytes.count, place + 1 + random.below(8))
            switch random.below(4) {
            case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
            case 1: bytes.removeSubrange(place..<end)
            case 2: bytes.insert(contentsOf: bytes[place..<end], at: place)
            default: bytes.insert(Array(#"{}[]",:0-9e\u0000"#.utf8)[random.below(17)], at: place)
            }
        }
    }

    // MARK: What a broken or hostile client cannot do

    func garbage(_ subject: Subject) throws {
        var random = SeededRandom(seed: 11)
        let server = try LoopedNode(subject.wire, holding: WireContract.sample(3))
        let paths =
            subject.wire.routes.flatMap { [$0, $0 + "/", $0 + "/x", $0 + "/%00", $0 + "//", $0 + "/../x"] }
            + (try server.poll().requests.map { ServedRequest($0).path })
        let texts = [
            "", "x", "-1", "99999999999999999999", "%", "\u{1B}[2J", String(repeating: "A", count: 100_000), "null",
        ]
        for path in paths {
            for method in ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE", "x", ""] {
                for _ in 0..<20 {
                    let body = (0..<random.below(200)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                    var fields: HTTPFields = [:]
                    for name in ["Content-Type", "Accept", "Federation-Node", "Mcp-Session-Id", "Content-Length"] {
                        if random.chance(0.5) { fields.append(name, texts[random.below(texts.count)]) }
                    }
                    if random.chance(0.5) { fields["Content-Type"] = "application/json" }
                    let query = ["after", "limit", "id", "wait", ""].filter { _ in random.chance(0.3) }
                        .map { (name: $0, value: texts[random.below(texts.count)]) }
                    try check(
                        try server.reply(
                            to: ServedRequest(method: method, path: path, query: query, fields: fields, body: body)))
                }
            }
        }
    }

    func alteredRequests(_ subject: Subject) throws {
        var random = SeededRandom(seed: 13)
        let server = try LoopedNode(subject.wire, holding: WireContract.sample(3))
        let requests = try server.poll().requests
        for _ in 0..<1500 {
            var request = requests[random.below(requests.count)]
            WireContract.alter(&request.body, &random)
            var target = Array(request.target.utf8)
            if random.chance(0.5) { WireContract.alter(&target, &random) }
            request.target = String(decoding: target, as: UTF8.self)
            try check(try server.reply(to: ServedRequest(request)))
        }
    }

    private func check(_ reply: RouteReply) throws {
        let response = reply.response(nil)
        try expect((200...599).contains(response.status), "status \(response.status)")
        for field in response.fields.fields { try expect(field.isHarmless, "a field was \(field)") }
        try expect(
            response.body.isEmpty || response.fields["Content-Type"] != nil, "status \(response.status) without a type")
        try expect(response.status != 204 || response.body.isEmpty, "a 204 with a body")
    }

    func foreignPages(_ subject: Subject) throws {
        let server = try LoopedNode(subject.wire, holding: WireContract.sample(1))
        for sent in try server.poll().requests {
            for method in [sent.method.rawValue, "OPTIONS"] {
                var request = ServedRequest(sent)
                request.method = method
                request.fields["Origin"] = "https://example.org"
                let response = try server.reply(to: request).response(nil)
                let isOpen = response.fields.fields.contains { $0.name.lowercased().hasPrefix("access-control-") }
                try expect(!isOpen, "\(method) \(sent.target)")
            }
        }
    }
}

extension HTTPFields.Field {
    /// Its value can stand in a header as it is.
    fileprivate var isHarmless: Bool {
        !name.isEmpty && name.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x3A }
            && value.utf8.allSatisfy { (0x20...0x7E).contains($0) }
    }
}
