import FederationCore

/// Pages and positions that lead nowhere, or never end.
extension PeerAttack {
    private static func page(
        _ name: String, _ summary: String, _ fields: [String: String], events: Int = 0
    ) -> PeerAttack {
        native(name, summary, [.fails(.other)]) { _, scene in
            .response(scene.page((0..<events).map { scene.node.line(UInt64($0) + 1) }, fields: fields))
        }
    }

    private static let epoch = "01KNJX4991ASW6NNKS9BQHNCGE"
    private static func place(_ number: Int) -> String {
        let digits = String(number)
        return "\(epoch).\(number).01KNJX4992" + String(repeating: "0", count: max(0, 16 - digits.count)) + digits
    }

    static let pages = [
        page("position-missing", "Gives a page without a position.", ["Federation-Position": ""], events: 1),
        page("position-too-long", "Gives a position of 129 characters.",
            ["Federation-Position": String(repeating: "p", count: Limits.positionLength + 1)], events: 1),
        page("position-with-spaces", "Gives a position that is no word.", ["Federation-Position": "two words"], events: 1),
        page("more-that-never-comes", "Says that there is more, and gives nothing.", ["Federation-More": "true"]),
        page("more-that-is-no-answer", "Says perhaps.", ["Federation-More": "perhaps"]),
        page("count-too-small", "Gives more lines than it says.", ["Federation-Count": "1"], events: 2),
        page("count-too-large", "Gives fewer lines than it says.", ["Federation-Count": "3"], events: 2),
        page("count-below-zero", "Says that it gives -5 events and five attestations.",
            ["Federation-Count": "-5", "Federation-Attestations": "5"]),
        page("count-past-all-numbers", "Says that it gives 2^64 events.", ["Federation-Count": "18446744073709551616"]),
        page("marks-too-many", "Names 17 places ahead.", ["Federation-Marks": (1...17).map(place).joined(separator: " ")]),
        page("marks-twice", "Names one place twice.", ["Federation-Marks": place(8) + " " + place(8)]),
        page("attestations-too-many", "Says that 257 lines are attestations.", ["Federation-Attestations": "257"]),
        page("page-in-html", "Gives a page of another type.", ["Content-Type": "text/html"], events: 1),
        native("log-past-all-numbers", "Says that 2^63 - 1 events follow.", [.refuses("unsigned")], takes: 1) { _, scene in
            var forged = scene.node.event(2)
            (forged.signature, forged.publicKey) = (nil, nil)
            let end = "\(epoch).\(Int64.max).01KNJX49920000000000000009"
            let fields = ["Federation-Position": "\(epoch).0.01KNJX49920000000000000000", "Federation-Head": end]
            return .response(scene.page([scene.node.line(1), forged.text], fields: fields))
        },
        native("hundred-thousand-events", "Gives 100,000 events in a page.", [.fails(.other)]) { _, scene in
            .response(scene.page(fields: ["Federation-Count": "100000"], body: Array(String(repeating: "{}\n", count: 100_000).utf8)))
        },
        native("going-in-circles", "Gives two positions by turns, and always more.", [.fails(.other)], takes: 1) {
            let isOdd = $0.parameter("after") == place(1)
            let fields = ["Federation-Position": place(isOdd ? 2 : 1), "Federation-More": "true"]
            return .response($1.page([$1.node.line(1)], fields: fields))
        },
        native("same-page-for-ever", "Gives one page for ever, and always more.", [.fails(.other)], takes: 1) {
            .response($1.page([$1.node.line(1)], fields: ["Federation-More": "true"]))
        },
        native("jumping-position", "Leads far ahead, and then back.", [.fails(.other)], takes: 1) { request, scene in
            let next = request.parameter("after") == nil ? place(4_000_000_000) : place(1)
            let isNoMore = request.parameter("after") == place(1)
            return .response(
                isNoMore ? HTTPResponse(status: 500, fields: scene.fields())
                    : scene.page([scene.node.line(1)], fields: ["Federation-Position": next, "Federation-More": "true"]))
        },
        native("log-without-end", "Gives forgeries without end, always more of them.", [.refuses("unsigned")]) { _, scene in
            let number = scene.count("page")
            var event = scene.node.event(UInt64(number))
            (event.signature, event.publicKey) = (nil, nil)
            let fields = ["Federation-Position": place(number), "Federation-More": "true"]
            return .response(scene.page([event.text], fields: fields))
        },
    ]
}
