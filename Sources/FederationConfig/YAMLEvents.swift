internal import CYAML

/// Where libyaml says something is. `index` counts Unicode scalars from the beginning of the text, from 0.
struct YAMLPosition: Hashable, Sendable {
    var mark: Mark
    var index: Int
}

/// One step of libyaml's parser, copied out of its memory.
struct YAMLEvent {
    enum Kind {
        case streamStart, streamEnd, documentEnd
        case documentStart(hasTagDirectives: Bool)
        case alias
        case scalar(String, isPlain: Bool)
        case sequenceStart(isFlow: Bool)
        case sequenceEnd
        case mappingStart(isFlow: Bool)
        case mappingEnd
    }

    var kind: Kind
    var start: YAMLPosition
    var end: YAMLPosition
    var hasAnchor = false
    var hasTag = false
}

/// What libyaml found wrong. Its words are constants of that library; nothing of the text is in them.
struct YAMLFault: Error {
    var problem: String
    var at: Mark
    /// What it was reading, and since where: `while parsing a flow sequence`.
    var context: String?
    var contextAt: Mark?
}

/// libyaml's parser over one text.
///
// SAFETY: the parser points into itself and into the input, so both live on the heap, are owned by this value alone
// and do not move; `deinit` frees them once. Every event is copied before it is deleted.
@safe struct YAMLEventReader: ~Copyable {
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let input: UnsafeMutableBufferPointer<UInt8>

    /// Begins to read UTF-8 without a byte order mark; `nil` when memory is short.
    init?(_ bytes: [UInt8]) {
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        guard unsafe yaml_parser_initialize(parser) == 1 else {
            unsafe parser.deallocate()
            return nil
        }
        unsafe self.parser = parser
        unsafe self.input = .allocate(capacity: bytes.count)
        _ = unsafe input.initialize(from: bytes)
        unsafe yaml_parser_set_input_string(parser, input.baseAddress, input.count)
        // Otherwise it guesses, and a text that happens to begin so would be read as UTF-16.
        unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    }

    deinit {
        unsafe yaml_parser_delete(parser)
        unsafe parser.deallocate()
        unsafe input.deallocate()
    }

    /// The next event. After `streamEnd`, or once it has thrown, there is none and it must not be asked.
    mutating func next() throws(YAMLFault) -> YAMLEvent {
        var event = unsafe yaml_event_t()
        guard unsafe yaml_parser_parse(parser, &event) == 1 else { throw fault }
        defer { unsafe yaml_event_delete(&event) }
        var result = YAMLEvent(
            kind: .streamEnd, start: unsafe YAMLPosition(event.start_mark), end: unsafe YAMLPosition(event.end_mark))
        switch unsafe event.type {
        case YAML_STREAM_START_EVENT: result.kind = .streamStart
        case YAML_DOCUMENT_START_EVENT:
            let directives = unsafe event.data.document_start.tag_directives
            result.kind = .documentStart(hasTagDirectives: unsafe directives.start != directives.end)
        case YAML_DOCUMENT_END_EVENT: result.kind = .documentEnd
        case YAML_ALIAS_EVENT: result.kind = .alias
        case YAML_SCALAR_EVENT:
            let scalar = unsafe event.data.scalar
            let bytes = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            result.kind = unsafe .scalar(
                String(decoding: bytes, as: UTF8.self), isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE)
            result.hasAnchor = unsafe scalar.anchor != nil
            result.hasTag = unsafe scalar.tag != nil
        case YAML_SEQUENCE_START_EVENT:
            let sequence = unsafe event.data.sequence_start
            result.kind = unsafe .sequenceStart(isFlow: sequence.style == YAML_FLOW_SEQUENCE_STYLE)
            result.hasAnchor = unsafe sequence.anchor != nil
            result.hasTag = unsafe sequence.tag != nil
        case YAML_SEQUENCE_END_EVENT: result.kind = .sequenceEnd
        case YAML_MAPPING_START_EVENT:
            let mapping = unsafe event.data.mapping_start
            result.kind = unsafe .mappingStart(isFlow: mapping.style == YAML_FLOW_MAPPING_STYLE)
            result.hasAnchor = unsafe mapping.anchor != nil
            result.hasTag = unsafe mapping.tag != nil
        case YAML_MAPPING_END_EVENT: result.kind = .mappingEnd
        default: result.kind = .streamEnd
        }
        return result
    }

    private var fault: YAMLFault {
        let problem = unsafe parser.pointee.problem
        let at = unsafe YAMLPosition(parser.pointee.problem_mark).mark
        let contextAt = unsafe YAMLPosition(parser.pointee.context_mark).mark
        // A context that begins where the problem is adds nothing.
        let context = unsafe contextAt == at ? nil : parser.pointee.context
        return unsafe YAMLFault(
            problem: problem.map { unsafe String(cString: $0) } ?? "memory is short",
            at: at,
            context: context.map { unsafe String(cString: $0) },
            contextAt: context.map { _ in contextAt })
    }
}

extension YAMLPosition {
    fileprivate init(_ mark: yaml_mark_t) {
        self.init(mark: Mark(line: Int(mark.line) + 1, column: Int(mark.column) + 1), index: Int(mark.index))
    }
}
