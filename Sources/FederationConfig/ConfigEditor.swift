import FederationCore

/// Why a configuration's text was not changed.
package enum ConfigEditFailure: Error, Hashable, Sendable {
    /// The text as it is has problems; what they mean must be settled by hand first.
    case problemsBefore(ConfigProblems)
    /// With the change it would have these: a second peer of that name, say.
    case problemsAfter(ConfigProblems)
    /// No peer has that name.
    case unknownPeer
    /// The change could not be put into a text laid out so without touching anything else.
    case layout
}

/// Changes a configuration by splicing its text, so that comments, order and layout stay as a person left them.
///
/// Every result is read back before it is given, and must say what the old text said and the change, no more.
package struct ConfigEditor: Sendable {
    private let mark: [UInt8]
    let text: [UInt8]
    let root: YAMLNode
    /// What the text says.
    package let config: Config
    private let wires: WireRegistry

    /// - Throws: `.problemsBefore`.
    package init(_ bytes: [UInt8], wires: WireRegistry = .plain) throws(ConfigEditFailure) {
        switch Config.decode(bytes, wires: wires) {
        case .failure(let problems): throw .problemsBefore(problems)
        case .success(let decoded):
            mark = bytes.starts(with: YAMLDocument.byteOrderMark) ? YAMLDocument.byteOrderMark : []
            text = Array(bytes.dropFirst(mark.count))
            root = decoded.root
            config = decoded.config
            self.wires = wires
        }
    }

    /// The text with `peer` as the last of the peers.
    ///
    /// - Throws: `.problemsAfter`, or `.layout`.
    package func appending(_ peer: Config.Peer) throws(ConfigEditFailure) -> [UInt8] {
        guard let splices = peerSplices(peer) else { throw .layout }
        var wanted = config
        wanted.peers.append(peer)
        return try checked(splices) { found in
            // Of a wire's own keys the new entry has the defaults, whatever they are.
            if found.peers.count == wanted.peers.count, let last = found.peers.last {
                wanted.peers[wanted.peers.count - 1].settings = last.settings
            }
            return found == wanted
        }
    }

    /// The text as it was given.
    var bytes: [UInt8] { mark + text }

    /// Carries out `splices`, and gives the text if it reads as `isWanted` says it must.
    func checked(
        _ splices: [Splice], _ isWanted: (Config) -> Bool
    ) throws(ConfigEditFailure) -> [UInt8] {
        var result: [UInt8] = mark
        var rest = 0
        // What is put in where something else begins to be cut out comes before that.
        let inOrder = splices.sorted {
            ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
        }
        for splice in inOrder {
            guard splice.range.lowerBound >= rest, splice.range.upperBound <= text.count else { throw .layout }
            result += text[rest..<splice.range.lowerBound] + splice.bytes
            rest = splice.range.upperBound
        }
        result += text[rest...]
        switch Config.decode(result, wires: wires) {
        case .failure(let problems):
            // A problem that has nothing to do with values is not the change's fault, but its layout's.
            if problems.problems.contains(where: \.reason.isOfText) { throw .layout }
            throw .problemsAfter(problems)
        case .success(let decoded):
            guard isWanted(decoded.config) else { throw .layout }
            return result
        }
    }
}

/// Bytes in place of a range of the text; an empty range is an insertion.
struct Splice {
    var range: Range<Int>
    var bytes: [UInt8]

    init(_ range: Range<Int>, _ text: String) {
        self.range = range
        bytes = Array(text.utf8)
    }

    init(at offset: Int, _ text: String) { self.init(offset..<offset, text) }
}

extension ConfigProblem.Reason {
    fileprivate var isOfText: Bool {
        switch self {
        case .notUTF8, .controlCharacter, .tab, .syntax, .tooDeep, .emptyDocument, .severalDocuments, .alias, .anchor,
            .tag, .keyIsNotText, .duplicateKey, .missingKey, .unknownKey, .wrongKind:
            true
        case .tooLong, .tooManyValues, .notAName, .notADuration, .durationWithoutUnit, .durationOutOfRange,
            .notASize, .sizeWithoutUnit, .sizeOutOfRange, .notAnInteger, .integerOutOfRange, .notOneOf, .notAPath, .notACredential, .notAHost,
            .notAnIdentity, .notAnAddress, .notAnAddressRange, .notAPin, .notAPublicKey, .listen, .endpoint, .peerNamedLikeUs, .duplicatePeer,
            .duplicateEndpoint, .tooManyPeers, .needsBeside, .openWithoutTLS, .monitorInClear, .openWithoutKey, .openWithoutName,
            .keyInClear, .pageWithoutTLS, .pageWithoutKey, .wireNotBuilt, .wireCannotPush, .notAnArgument, .notAVariable,
            .secretVariable, .duplicateReplayer, .duplicateDirectory, .tooManyReplayers:
            false
        }
    }
}
