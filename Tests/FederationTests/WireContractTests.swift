import Federation
import FederationConfig
import FederationCore
import FederationTestKit
import Testing

/// The contract of all wires, on those that are served here.
struct WireContractTests {
    static let native = WireContract.Subject(
        wire: NativeWire(),
        overfull: { response in
            guard response.fields["Federation-Count"] != nil else { return nil }
            var response = response
            let line = response.body.prefix { $0 != 0x0A } + [0x0A]
            response.body = Array(repeatElement(line, count: Limits.pageEvents + 1).joined())
            response.fields["Federation-Count"] = String(Limits.pageEvents)
            return response
        },
        spoilt: { response in
            guard response.fields["Federation-Count"] != nil else { return nil }
            var response = response
            response.body[0] = 0x5B
            return response
        })

    static let noema = WireContract.Subject(
        wire: NoemaWire(),
        overfull: { response in
            altered(response) { text in
                let event = text.dropFirst().dropLast()
                return "[" + repeatElement(String(event), count: Limits.noemaPageEvents + 1).joined(separator: ",")
                    + "]"
            }
        },
        spoilt: { response in
            altered(response) { text in "[{\"id\":7}" + text.dropFirst(text.firstEvent.utf8.count + 1) }
        })

    /// One that carries records, as the contract is about those.
    static func mesh() -> WireContract.Subject {
        WireContract.Subject(
            wire: MeshWire(carrying: .records),
            overfull: { response in
                guard response.fields["Federation-Count"] != nil else { return nil }
                var response = response
                let line = response.body.prefix { $0 != 0x0A } + [0x0A]
                response.body = Array(repeatElement(line, count: Limits.pageEvents + 1).joined())
                response.fields["Federation-Count"] = String(Limits.pageEvents)
                return response
            },
            spoilt: { response in
                guard response.fields["Federation-Count"] != nil else { return nil }
                var response = response
                response.body[0] = 0x5B
                return response
            })
    }

    /// The same answer with another text of events.
    private static func altered(_ response: HTTPResponse, _ change: (String) -> String) -> HTTPResponse? {
        guard let json = try? JSON(response.body), let id = json["id"]?.raw,
            let text = json["result"]?["content"]?.array?.first?["text"]?.string, text.hasPrefix("[")
        else { return nil }
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("jsonrpc", "2.0")
            writer.key("id")
            writer.raw(id)
            writer.key("result")
            writer.object { writer in
                writer.key("content")
                writer.array {
                    $0.object {
                        $0.member("type", "text")
                        $0.member("text", change(text))
                    }
                }
            }
        }
        var response = response
        response.body = writer.bytes
        return response
    }

    @Test(arguments: WireContract.allCases) func theNativeWireKeeps(_ rule: WireContract) throws {
        try rule.check(WireContractTests.native)
    }

    @Test(arguments: WireContract.allCases) func theMeshWireKeeps(_ rule: WireContract) throws {
        try rule.check(WireContractTests.mesh())
    }

    @Test(arguments: WireContract.allCases) func theNoemaWireKeeps(_ rule: WireContract) throws {
        try rule.check(WireContractTests.noema)
    }
}

extension String {
    /// Of a JSON array, the text of the first element.
    fileprivate var firstEvent: String {
        let elements = (try? JSON.elements(ofArray: Array(utf8), limit: .max)) ?? []
        return String(decoding: elements.first ?? [], as: UTF8.self)
    }
}
