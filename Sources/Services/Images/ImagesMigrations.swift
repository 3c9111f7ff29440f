import Store

/// The schema of the image service.
enum ImagesMigrations {
  static let all = [
    Migration(
      room: "images", number: 1, .expand,
      [
        """
        CREATE TABLE blob (
          digest TEXT PRIMARY KEY, file TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, md5 TEXT NOT NULL,
          sha512 TEXT NOT NULL, format TEXT NOT NULL, virtual_size INTEGER NOT NULL)
        """,
        """
        CREATE TABLE blob_pin (
          digest TEXT NOT NULL REFERENCES blob (digest), holder TEXT NOT NULL, PRIMARY KEY (digest, holder))
        """,
        """
        CREATE TABLE image (
          id TEXT PRIMARY KEY, name TEXT, owner TEXT NOT NULL, status TEXT NOT NULL, visibility TEXT NOT NULL,
          disk_format TEXT, container_format TEXT, min_disk INTEGER NOT NULL, min_ram INTEGER NOT NULL,
          protected INTEGER NOT NULL, os_hidden INTEGER NOT NULL, digest TEXT REFERENCES blob (digest),
          upload_id TEXT, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL)
        """,
        "CREATE INDEX image_owner ON image (owner)",
        "CREATE INDEX image_created ON image (created_at, id)",
        "CREATE INDEX image_digest ON image (digest)",
        "CREATE INDEX image_upload ON image (upload_id)",
        """
        CREATE TABLE image_property (
          image_id TEXT NOT NULL REFERENCES image (id) ON DELETE CASCADE, name TEXT NOT NULL, value TEXT NOT NULL,
          PRIMARY KEY (image_id, name))
        """,
        """
        CREATE TABLE image_tag (
          image_id TEXT NOT NULL REFERENCES image (id) ON DELETE CASCADE, tag TEXT NOT NULL,
          PRIMARY KEY (image_id, tag))
        """,
        """
        CREATE TABLE image_member (
          image_id TEXT NOT NULL REFERENCES image (id) ON DELETE CASCADE, member_id TEXT NOT NULL,
          status TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
          PRIMARY KEY (image_id, member_id))
        """,
        "CREATE INDEX image_member_project ON image_member (member_id)",
        // An id once used is never given to other bytes.
        "CREATE TABLE image_retired (id TEXT PRIMARY KEY, deleted_at INTEGER NOT NULL)",
      ])
  ]
}
