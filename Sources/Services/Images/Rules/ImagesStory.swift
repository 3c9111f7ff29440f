public import Auth
public import Contracts
import Kit
public import Store

/// What the image service tells of its images.
extension ImagesService: StoryTeller {
  public var storyKinds: Set<String> { [ImageStory.kind] }

  public func find(_ tx: Transaction, _ text: String, for principal: Principal, limit: Int) throws -> [Mention] {
    try ImageStory.mentions(tx, "(\(identified(by: text)) OR name = \(text))", for: principal, limit: limit)
      + ImageStory.mentions(tx, "i.digest = \(text)", for: principal, limit: limit, what: "bytes of image")
  }

  public func mentions(
    _ tx: Transaction, kind: String, ids: [String], for principal: Principal
  ) throws -> [Mention] {
    guard kind == ImageStory.kind else { return [] }
    return try ImageStory.mentions(tx, "id IN (\(list: ids))", for: principal, limit: ids.count)
  }

  public func story(_ tx: Transaction, _ subject: Mention.Key, for principal: Principal) throws -> Story? {
    guard subject.kind == ImageStory.kind, let image = try ImageTable.find(tx, id: subject.id, for: principal) else {
      return nil
    }
    return try ImageStory.tell(tx, image, for: principal)
  }

  public func counts(_ tx: Transaction) throws -> [StoryCount] {
    try tx.query("SELECT status, count(*) FROM image GROUP BY status ORDER BY status") {
      StoryCount(kind: ImageStory.kind, status: $0.text(0), count: $0.int(1))
    }
  }
}
