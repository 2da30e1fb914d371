-- A ledger of format 1, as oddloop 0.1.0 wrote it before formats could be migrated; sqlite3's dump.
BEGIN TRANSACTION;
CREATE TABLE events (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	event_key VARCHAR NOT NULL, 
	round_id VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	at_ns BIGINT NOT NULL, 
	author VARCHAR NOT NULL, 
	tool_version VARCHAR NOT NULL, 
	payload TEXT NOT NULL, 
	UNIQUE (event_key)
);
INSERT INTO "events" VALUES(1,'r000/labelled/labels','r000','labelled',1790000000000000000,'ann','0.1.0','{"cost": null, "n_scenes": 3, "predicted_cost": null}');
INSERT INTO "events" VALUES(2,'r000/trained/d0','r000','trained',1790000060000000000,'ann','0.1.0','{"digest": "d0", "model_id": "m000", "rows": {"metrics": 2}}');
INSERT INTO "events" VALUES(3,'r000/evaluated/c0','r000','evaluated',1790000120000000000,'ann','0.1.0','{"model_id": "m000"}');
INSERT INTO "events" VALUES(4,'r000/closed/evaluated','r000','closed',1790000180000000000,'ann','0.1.0','{}');
INSERT INTO "events" VALUES(5,'discovery/clustered/x','discovery','clustered',1790000240000000000,'ann','0.1.0','{"digest": "x", "n_clusters": 2}');
INSERT INTO "events" VALUES(6,'r001/proposed/a','r001','proposed',1790000300000000000,'ann','0.1.0','{"cost": 3.0, "picks": [{"cost": 1.5, "rank": 1, "reasons": [{"text": "für «Nacht»"}], "scene_id": "log1/s0"}, {"cost": 1.5, "rank": 2, "reasons": [{"text": "für «Nacht»"}], "scene_id": "log1/s1"}]}');
INSERT INTO "events" VALUES(7,'r001/proposed/b','r001','proposed',1790000360000000000,'ann','0.1.0','{"cost": 1.5, "picks": [{"cost": 1.5, "rank": 1, "reasons": [{"text": "für «Nacht»"}], "scene_id": "log1/s1"}]}');
INSERT INTO "events" VALUES(8,'r001/proposed/a#2','r001','proposed',1790000420000000000,'ann','0.1.0','{"cost": 3.0, "picks": [{"cost": 1.5, "rank": 1, "reasons": [{"text": "für «Nacht»"}], "scene_id": "log1/s0"}, {"cost": 1.5, "rank": 2, "reasons": [{"text": "für «Nacht»"}], "scene_id": "log1/s1"}]}');
INSERT INTO "events" VALUES(9,'r001/decided/log1/s0-1','r001','decided',1790000480000000000,'bob','0.1.0','{"decision": "approve", "scene_id": "log1/s0"}');
INSERT INTO "events" VALUES(10,'r001/reviewed/r','r001','reviewed',1790000540000000000,'bob','0.1.0','{"picks": [{"cost": 1.5, "rank": 1, "reasons": [{"text": "für «Nacht»"}], "scene_id": "log1/s0"}]}');
INSERT INTO "events" VALUES(11,'r001/sent/s','r001','sent',1790000600000000000,'ann','0.1.0','{"tool": "csv"}');
INSERT INTO "events" VALUES(12,'r001/labelled/labels','r001','labelled',1790000660000000000,'ann','0.1.0','{"cost": 1.25, "n_scenes": 1, "predicted_cost": 1.5}');
INSERT INTO "events" VALUES(13,'r001/train_failed/7','r001','train_failed',1790000720000000000,'ann','0.1.0','{"error": "out of memory\nline 2", "model_id": "m001"}');
INSERT INTO "events" VALUES(14,'stopping/stopped/0-z','stopping','stopped',1790000780000000000,'ann','0.1.0','{"digest": "z", "reasons": ["enough; really"]}');
CREATE TABLE meta (
	name VARCHAR NOT NULL, 
	value VARCHAR, 
	PRIMARY KEY (name)
);
INSERT INTO "meta" VALUES('format','1');
CREATE INDEX ix_events_round_id ON events (round_id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('events',14);
COMMIT;
