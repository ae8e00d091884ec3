package import FederationCore

/// Reads one kind of value from the text of a scalar.
///
/// ```swift
/// interval = reader.read("interval", default: interval, .duration(in: .seconds(1) ... .seconds(60)))
/// ```
package struct ValueReader<Value>: Sendable {
    private let convert: @Sendable (String) throws(ConfigProblem.Reason) -> Value

    package init(_ convert: @escaping @Sendable (String) throws(ConfigProblem.Reason) -> Value) {
        self.convert = convert
    }

    func callAsFunction(_ node: YAMLNode) throws(ConfigProblem.Reason) -> Value {
        guard case .scalar(let text, _) = node.content, !node.isEmpty else {
            throw .wrongKind(expected: .text, found: node.kind)
        }
        return try convert(text)
    }
}

extension ValueReader where Value == String {
    /// A node's or a peer's name: `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`.
    package static var name: ValueReader {
        ValueReader { (text) throws(ConfigProblem.Reason) in
            guard PeerName.isValid(text) else { throw .notAName(text) }
            return text
        }
    }

    /// A path of at most 4096 bytes. `~` is refused, for nobody would expand it.
    package static var path: ValueReader {
        ValueReader { (text) throws(ConfigProblem.Reason) in try pathText(text) }
    }

    private static func pathText(_ text: String) throws(ConfigProblem.Reason) -> String {
        guard !text.isEmpty, text.utf8.count <= 4096, text.first != "~",
            text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F })
        else { throw .notAPath(text) }
        return text
    }

    /// A path, or `credential:` and the name of what the service manager has laid out: as a file's, of at most 255
    /// letters, digits, dots, dashes and underscores.
    package static var pathOrCredential: ValueReader {
        ValueReader { (text) throws(ConfigProblem.Reason) in
            if let name = ConfigFile.credentialName(text) {
                let isName = name.utf8.allSatisfy { byte in
                    switch byte {
                    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
                    default: false
                    }
                }
                guard isName, !name.isEmpty, name.utf8.count <= 255, name != ".", name != ".." else {
                    throw .notACredential(text)
                }
                return text
            }
            return try ValueReader.pathText(text)
        }
    }

    /// A host name or an address without a port, in lower case; IPv6 with or without its brackets.
    package static var host: ValueReader {
        ValueReader { (text) throws(ConfigProblem.Reason) in
            guard let host = Endpoint.Host(text) ?? Endpoint.Host("[\(text)]") else { throw .notAHost(text) }
            return host.text
        }
    }
}

extension ValueReader where Value == Duration {
    package static func duration(in range: ClosedRange<Duration>) -> ValueReader {
        ValueReader { (text) throws(ConfigProblem.Reason) in
            let duration = try Duration(configured: text)
            guard range.contains(duration) else { throw .durationOutOfRange(range) }
            return duration
        }
    }
}

extension ValueReader where Value == Int {
    /// A decimal whole number: no sign but minus, no underscores, no other base.
    package static func integer(in range: ClosedRange<Int>) -> ValueReader {
        ValueReader { (text) throws(ConfigProblem.Reason) in
            let digits = text.utf8.first == 0x2D ? Substring(text).dropFirst() : Substring(text)
            guard !digits.isEmpty, digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else {
                throw .notAnInteger(text)
            }
            // What does not fit an `Int` is out of any range.
            guard let value = Int(text), range.contains(value) else { throw .integerOutOfRange(range) }
            return value
        }
    }
}

extension ValueReader where Value == Bool {
    /// `true` or `false`.
    static var flag: ValueReader {
        ValueReader { (text) throws(ConfigProblem.Reason) in
            switch text {
            case "true": return true
            case "false": return false
            default: throw .notOneOf(["true", "false"], found: text)
            }
        }
    }
}

extension ValueReader where Value == ULID {
    package static var identity: ValueReader<ULID> {
        ValueReader { (text) throws(ConfigProblem.Reason) in
            guard let id = ULID(text) else { throw .notAnIdentity(text) }
            return id
        }
    }
}

extension ValueReader where Value == PublicKey {
    package static var publicKey: ValueReader<PublicKey> {
        ValueReader { (text) throws(ConfigProblem.Reason) in
            guard let key = PublicKey(text) else { throw .notAPublicKey(text) }
            return key
        }
    }
}

extension ValueReader
where
    Value: CaseIterable & RawRepresentable & SendableMetatype, Value.RawValue == String,
    Value.AllCases: SendableMetatype
{
    /// One of the words of a closed set.
    package static var oneOf: ValueReader {
        ValueReader { (text) throws(ConfigProblem.Reason) in
            guard let value = Value(rawValue: text) else {
                throw .notOneOf(Value.allCases.map(\.rawValue), found: text)
            }
            return value
        }
    }
}

extension ValueReader where Value == ListenAddress {
    package static var listenAddress: ValueReader {
        ValueReader { (text) throws(ConfigProblem.Reason) in
            do throws(ListenAddress.Fault) {
                return try ListenAddress(text)
            } catch {
                throw .listen(error, found: text)
            }
        }
    }
}

extension ValueReader where Value == Endpoint {
    package static var endpoint: ValueReader {
        ValueReader { (text) throws(ConfigProblem.Reason) in
            do throws(Endpoint.Fault) {
                return try Endpoint(text)
            } catch {
                throw .endpoint(error, found: text)
            }
        }
    }
}

extension ValueReader where Value == WireChoice {
    /// `auto`, or the name of a wire.
    static var wire: ValueReader {
        ValueReader { (text) throws(ConfigProblem.Reason) in
            if text == "auto" { return .auto }
            guard let name = WireName(rawValue: text) else {
                throw .notOneOf(["auto"] + WireName.allCases.map(\.rawValue), found: text)
            }
            return .only(name)
        }
    }
}
