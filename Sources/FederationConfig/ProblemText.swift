import FederationCore

extension ConfigProblem.Reason {
    /// What is wrong, for people, in one line that holds nothing unescaped.
    package var text: String {
        switch self {
        case .notUTF8: "not UTF-8 text"
        case .controlCharacter(let value): "control character U+\(String(value, radix: 16, uppercase: true))"
        case .tab: "tab; use spaces (only comments may hold tabs)"
        case .syntax(let problem, let context, let from):
            "not valid YAML: \(problem)"
                + (context.map { " (\($0)\(from.map { " that begins at \($0)" } ?? ""))" } ?? "")
        case .tooLong(let limit): "longer than \(limit) bytes"
        case .tooDeep(let limit): "nested more than \(limit) deep"
        case .tooManyValues(let limit): "more than \(limit) values"
        case .emptyDocument: "there is nothing in it"
        case .severalDocuments: "a second document; one file holds one"
        case .alias: "aliases are not supported; write the value out"
        case .anchor: "anchors are not supported"
        case .tag: "tags are not supported"
        case .keyIsNotText: "a key must be text"
        case .duplicateKey(let key, let first): "duplicate key '\(key.shown)', first at \(first)"
        case .missingKey(let key): "missing key '\(key.shown)'"
        case .unknownKey(let key, let known):
            "unknown key '\(key.shown)', "
                + (closest(to: key, among: known).map { "did you mean '\($0)'?" } ?? "expected \(list(known, "or"))")
        case .wrongKind(let expected, .nothing): "expected \(expected.rawValue), but there is no value"
        case .wrongKind(let expected, let found): "expected \(expected.rawValue), not \(found.rawValue)"
        case .notAName(let text):
            "'\(text.shown)' is not a name: at most \(Limits.peerNameLength) letters, digits, '.', '_' and '-', "
                + "beginning with a letter or a digit"
        case .notADuration: "expected a duration such as 30s or 5m"
        case .durationWithoutUnit(let text): "'\(text.shown)' has no unit: write it as 500ms, 30s, 5m or 1h"
        case .durationOutOfRange(let range):
            "must be from \(range.lowerBound.shortText) to \(range.upperBound.shortText)"
        case .notASize: "expected a size such as 500MB, 2GB or 2GiB"
        case .sizeWithoutUnit(let text): "'\(text.shown)' has no unit: write it as 500MB, 2GB or 2GiB"
        case .sizeOutOfRange(let range): "must be from \(range.lowerBound.shortText) to \(range.upperBound.shortText)"
        case .notAnInteger: "expected a whole number"
        case .integerOutOfRange(let range): "must be from \(range.lowerBound) to \(range.upperBound)"
        case .notOneOf(let values, let found):
            "expected \(list(values, "or")), not '\(found.shown)'"
                + (closest(to: found, among: values).map { "; did you mean '\($0)'?" } ?? "")
        case .notAPath(let text) where text.hasPrefix("~"): "'~' is not expanded; write the path out"
        case .notAPath: "expected a path"
        case .notACredential:
            "expected 'credential:' and a name of at most 255 letters, digits, '.', '-' and '_', as LoadCredential= gives it"
        case .notAHost(let text): "'\(text.shown)' is not a host name or an address (without a port)"
        case .notAnIdentity: "expected an identity: the 26 characters of a ULID, in upper case"
        case .notAPublicKey: "expected a public key: 'ed25519:' and the base64 of its 32 bytes"
        case .notAnAddress(let text): "'\(text.shown)' is not an address such as 10.0.0.1 or fd00::1"
        case .notAnAddressRange(let text): "'\(text.shown)' is not a range of addresses such as 10.0.0.0/8 or fd00::/8"
        case .notAPin: "expected 'sha256:' and the 64 hexadecimal digits of the key's SHA-256"
        case .notAnArgument: "an argument has at most 4096 bytes, none of them zero"
        case .notAVariable(let text): "'\(text.shown)' is not the name of a variable"
        case .secretVariable(let name): "'\(name.shown)' holds a key of this node, which no program is given"
        case .listen(let fault, let found): fault.text(found)
        case .endpoint(let fault, let found): fault.text(found)
        case .peerNamedLikeUs(let name): "'\(name.shown)' is this node's own name"
        case .duplicatePeer(let name, let first): "a second peer '\(name.shown)', first at \(first)"
        case .duplicateEndpoint(let url, let first): "a second peer at \(url.shown), first at \(first)"
        case .tooManyPeers(let limit): "more than \(limit) peers"
        case .duplicateReplayer(let name, let first): "a second replayer '\(name.shown)', first at \(first)"
        case .duplicateDirectory(let path, let first): "a second replayer of the directory '\(path.shown)', first at \(first)"
        case .tooManyReplayers(let limit): "more than \(limit) replayers"
        case .needsBeside(let key): "this needs '\(key)' beside it"
        case .openWithoutTLS(let listen):
            "'\(listen)' can be reached from other machines, and nothing here is encrypted: listen under 'tls:' "
                + "instead (or on 127.0.0.1 behind a proxy), or say 'access: {allow_open: true}'"
        case .monitorInClear(let listen):
            "'\(listen)' can be reached from other machines, and this listener encrypts nothing: listen on 127.0.0.1 (behind a "
                + "proxy, or a tunnel), or say 'access: {allow_open: true}'"
        case .openWithoutKey(let listen):
            "'\(listen)' can be reached from other machines, and whoever comes is answered: name "
                + "'access: {shared_key_file: ...}', a 'key_file' for each peer or 'tls: {client_ca: ...}', or say "
                + "'access: {allow_open: true}'"
        case .openWithoutName(let listen):
            "'\(listen)' is every address of this machine: name under 'hosts' what peers call it, or listen on one"
        case .pageWithoutTLS(let listen):
            "'\(listen)' can be reached from other machines, and the page's key would cross the network in clear: say "
                + "'tls: true' here (or listen on 127.0.0.1 behind a proxy), or say 'access: {allow_open: true}'"
        case .pageWithoutKey:
            "whoever reaches the page reads every record, where others need a key or another machine's address: make a key "
                + "with 'federation key new page.key', and name it here as 'key_file: page.key'"
        case .keyInClear:
            "the key would cross the network in clear: use https, or say 'access: {allow_open: true}'"
        case .wireNotBuilt(let wire, let built):
            "the wire '\(wire.rawValue)' is planned, but not in this version; there are "
                + list(["auto"] + built.map(\.rawValue), "and")
        case .wireCannotPush(let wire):
            "a peer without 'endpoint' comes to us, and on the wire '\(wire.rawValue)' nobody can; write 'native' or nothing"
        }
    }
}

extension ListenAddress.Fault {
    /// What is wrong with `found`, for people.
    package func text(_ found: String) -> String {
        switch self {
        case .shape: "expected an address and a port such as 127.0.0.1:4001 or [::1]:4001"
        case .portMissing: "'\(found.shown)' has no port; write it as 127.0.0.1:4001 or [::1]:4001"
        case .port: "'\(found.shown)': the port must be from 0 to 65535"
        case .hostName: "'\(found.shown)' is a name; write the address itself, such as 127.0.0.1:4001"
        }
    }
}

extension Endpoint.Fault {
    /// What is wrong with `found`, for people.
    package func text(_ found: String) -> String {
        switch self {
        case .scheme: "expected a URL such as http://127.0.0.1:4002, with http or https"
        case .host: "'\(found.shown)' names no host that could be asked"
        case .port: "'\(found.shown)': the port must be from 1 to 65535"
        case .userInfo: "a user name or password does not belong in the URL"
        case .query: "the URL must not have a query ('?')"
        case .fragment: "the URL must not have a fragment ('#')"
        case .path: "'\(found.shown)': the path holds what a URL path cannot"
        case .tooLong(let limit): "longer than \(limit) characters"
        }
    }
}

/// `a, b or c`.
func list(_ items: [String], _ conjunction: String) -> String {
    guard let last = items.last else { return "nothing" }
    let rest = items.dropLast().joined(separator: ", ")
    return rest.isEmpty ? last : "\(rest) \(conjunction) \(last)"
}
