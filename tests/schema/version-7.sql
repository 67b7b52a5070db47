-- SPDX-License-Identifier: GPL-2.0-or-later
-- The same history after its migration to schema version 7. Never to be changed.
PRAGMA user_version = 7;
BEGIN TRANSACTION;
CREATE TABLE acknowledgement (  id INTEGER PRIMARY KEY,  incident_id INTEGER NOT NULL,  at INTEGER NOT NULL,  by_name TEXT NOT NULL,  note TEXT,  undone_at INTEGER,  undone_by TEXT);
INSERT INTO "acknowledgement" VALUES(1,2,1772495000000,'ada','looking into it',1772495060000,'ada');
INSERT INTO "acknowledgement" VALUES(2,2,1772495120000,'grace',NULL,NULL,NULL);
CREATE TABLE cycle (  id INTEGER PRIMARY KEY,  started_at INTEGER NOT NULL,  ended_at INTEGER,  duration_ms INTEGER,  outcome TEXT NOT NULL,  tables INTEGER,  succeeded INTEGER,  failed INTEGER,  timed_out INTEGER,  rows INTEGER);
INSERT INTO "cycle" VALUES(1,1772478432000,1772478444389,12389,'success',2,2,0,0,114858);
INSERT INTO "cycle" VALUES(2,1772478899658,1772478911630,11972,'success',2,2,0,0,70371);
INSERT INTO "cycle" VALUES(3,1772479800162,1772479811692,11530,'success',2,2,0,0,59105);
INSERT INTO "cycle" VALUES(4,1772480700227,1772480710598,10371,'success',2,2,0,0,108928);
INSERT INTO "cycle" VALUES(5,1772481600123,1772481613357,13234,'success',2,2,0,0,88953);
INSERT INTO "cycle" VALUES(6,1772482499901,1772482510751,10850,'success',2,2,0,0,155104);
INSERT INTO "cycle" VALUES(7,1772483400293,1772483412512,12219,'success',2,2,0,0,164503);
INSERT INTO "cycle" VALUES(8,1772484300045,1772484311287,11242,'success',2,2,0,0,213328);
INSERT INTO "cycle" VALUES(9,1772485199827,1772485212657,12830,'success',2,2,0,0,116077);
INSERT INTO "cycle" VALUES(10,1772486100195,1772486113775,13580,'success',2,2,0,0,179478);
INSERT INTO "cycle" VALUES(11,1772487000283,1772487010502,10219,'success',2,2,0,0,101828);
INSERT INTO "cycle" VALUES(12,1772487900028,1772487911834,11806,'success',2,2,0,0,198752);
INSERT INTO "cycle" VALUES(13,1772488800363,1772488811721,11358,'success',2,2,0,0,123618);
INSERT INTO "cycle" VALUES(14,1772489700265,1772489712268,12003,'success',2,2,0,0,180979);
INSERT INTO "cycle" VALUES(15,1772490599790,1772490610616,10826,'success',2,2,0,0,138757);
INSERT INTO "cycle" VALUES(16,1772491500150,1772491510274,10124,'success',2,2,0,0,77789);
INSERT INTO "cycle" VALUES(17,1772492399814,1772492411841,12027,'success',2,2,0,0,201444);
INSERT INTO "cycle" VALUES(18,1772493300362,1772493906218,605856,'partial',2,1,0,1,1168);
INSERT INTO "cycle" VALUES(19,1772494199392,1772494804193,604801,'partial',2,1,0,1,4468);
INSERT INTO "cycle" VALUES(20,1772495099371,1772495704476,605105,'partial',2,1,0,1,2639);
INSERT INTO "cycle" VALUES(21,1772495999654,1772496605300,605646,'partial',2,1,0,1,4533);
INSERT INTO "cycle" VALUES(22,1772496899470,1772497505469,605999,'partial',2,1,0,1,2132);
INSERT INTO "cycle" VALUES(23,1772497799644,1772498403935,604291,'partial',2,1,0,1,4636);
CREATE TABLE incident (  id INTEGER PRIMARY KEY,  alert TEXT NOT NULL,  table_name TEXT,  tables TEXT NOT NULL,  severity TEXT NOT NULL,  state TEXT NOT NULL,  onset_at INTEGER,  opened_at INTEGER NOT NULL,  critical_at INTEGER,  resolved_at INTEGER,  verified_at INTEGER,  escalated_at INTEGER,  prometheus_at INTEGER,  cause TEXT,  deviations TEXT,  likely_cause TEXT,  scenario TEXT,  runbook TEXT,  first_command TEXT,  evidence TEXT,  summary TEXT, scenario_title TEXT);
INSERT INTO "incident" VALUES(1,'IcebergOffloadCycleTooSlow',NULL,'[]','critical','open',1772493300362,1772493600362,1772493900362,NULL,NULL,1795506571983,1772494026218,NULL,NULL,NULL,NULL,'iceberg-offload-performance.md',NULL,NULL,'the cycle took 10 min',NULL);
INSERT INTO "incident" VALUES(2,'IcebergOffloadConsecutiveFailures','bronze_trades_binance','["bronze_trades_binance"]','critical','open',1772493900386,1772494799439,1772494799439,NULL,NULL,1795506571983,1772495999408,NULL,NULL,'timed out: too much data, or slow storage or queries','1/5','iceberg-offload-failure.md','docker exec k2-clickhouse clickhouse-client -q "SELECT 1"','2026-03-03 10:39:59,439 - __main__ - ERROR - ✗ Offload timeout: bronze_trades_binance (>10 minutes)','no new data for bronze_trades_binance since 3 Mar 10:25, timed out: too much data, or sl…',NULL);
INSERT INTO "incident" VALUES(3,'IcebergOffloadSchedulerDown',NULL,'[]','critical','open',1772498700000,1772498760000,1772498820000,NULL,NULL,1796128214600,1772498703935,NULL,NULL,NULL,NULL,'iceberg-scheduler-recovery.md',NULL,NULL,'scheduler down since 3 Mar 11:45',NULL);
CREATE TABLE incident_state (incident_id INTEGER PRIMARY KEY, value TEXT NOT NULL);
INSERT INTO "incident_state" VALUES(1,'incident 1
family 2
alert 4
severity 2
open 1
table.index -1
onset 1772493300362
opened 1772493600362
critical 1772493900362
resolved 0
verified 0
escalated 1795506571983
prometheus.at 1772494026218
acknowledgement 0
acknowledged 0
trouble 1772493300362
words -
words.detail -
words.then 0
summary =the cycle took 10 min
cause -
scenario -
first_command -
cause.runbook -
cause.title -
cause.escalate_to -
cause.id -
line -
told 1
told.severity 2
told.alert 4
told.resolved 0
told.flapping 0
noted 1
noted.severity 2
noted.alert 4
noted.resolved 0
noted.flapping 0
escalation 0
first_told 0
reminded 1795506571983
held 0
update 0
causes 0 0 0 0
sequence 2
good_cycles 0
gone 0
prometheus 1772494026218
evidence 0
days 0
weekly 0
times_today 0
calm_cycles 0
bad 1795506571997
well 0
well.cycles 0
members 
members.bad 
members.marks 
members.well 

















































');
INSERT INTO "incident_state" VALUES(2,'incident 2
family 0
alert 0
severity 2
open 1
table.index 0
onset 1772493900386
opened 1772494799439
critical 1772494799439
resolved 0
verified 0
escalated 1795506571983
prometheus.at 1772495999408
acknowledgement 2
acknowledged 1772495120000
trouble 1772493900386
words -
words.detail -
words.then 0
summary =no new data for bronze_trades_binance since 3 Mar 10:25, timed out: too much data, or sl…
cause =timed out: too much data, or slow storage or queries
scenario =1/5
first_command =docker exec k2-clickhouse clickhouse-client -q "SELECT 1"
cause.runbook -
cause.title -
cause.escalate_to -
cause.id -
line =2026-03-03 10:39:59,439 - __main__ - ERROR - ✗ Offload timeout: bronze_trades_binance (>10 minutes)
told 1
told.severity 2
told.alert 0
told.resolved 0
told.flapping 0
noted 1
noted.severity 2
noted.alert 0
noted.resolved 0
noted.flapping 0
escalation 0
first_told 0
reminded 1795506571983
held 0
update 0
causes 0 0 0 0
sequence 2
good_cycles 0
gone 0
prometheus 1772495999408
evidence 1
days 0
weekly 0
times_today 0
calm_cycles 0
bad 1795506571997
well 0
well.cycles 0
members 0
members.bad 1
members.marks 3
members.well 0







');
INSERT INTO "incident_state" VALUES(3,'incident 3
family 4
alert 6
severity 2
open 1
table.index -1
onset 1772498700000
opened 1772498760000
critical 1772498820000
resolved 0
verified 0
escalated 1796128214600
prometheus.at 1772498703935
acknowledgement 0
acknowledged 0
trouble 1772498700000
words -
words.detail -
words.then 0
summary =scheduler down since 3 Mar 11:45
cause -
scenario -
first_command -
cause.runbook -
cause.title -
cause.escalate_to -
cause.id -
line -
told 1
told.severity 2
told.alert 6
told.resolved 0
told.flapping 0
noted 1
noted.severity 2
noted.alert 6
noted.resolved 0
noted.flapping 0
escalation 0
first_told 0
reminded 1795506571983
held 0
update 0
causes 0 0 0 0
sequence 2
good_cycles 0
gone 0
prometheus 1772498703935
evidence 0
days 0
weekly 0
times_today 0
calm_cycles 0
bad 1795506571997
well 0
well.cycles 0
members 
members.bad 
members.marks 
members.well 






































');
CREATE TABLE notification (  id INTEGER PRIMARY KEY AUTOINCREMENT,  incident_id INTEGER NOT NULL,  sequence INTEGER NOT NULL,  at INTEGER NOT NULL,  status TEXT NOT NULL,  severity TEXT NOT NULL,  alert TEXT NOT NULL,  table_name TEXT,  tables TEXT NOT NULL,  onset_at INTEGER,  opened_at INTEGER,  resolved_at INTEGER,  prometheus_at INTEGER,  summary TEXT,  likely_cause TEXT,  scenario TEXT,  first_command TEXT,  evidence TEXT,  escalate_to TEXT,  silenced INTEGER NOT NULL DEFAULT 0, runbook TEXT, scenario_title TEXT);
INSERT INTO "notification" VALUES(1,1,1,1795506571983,'firing','critical','IcebergOffloadCycleTooSlow',NULL,'[]',1772493300362,1772493600362,NULL,1772494026218,'the cycle took 10 min',NULL,NULL,NULL,NULL,NULL,0,NULL,NULL);
INSERT INTO "notification" VALUES(2,2,1,1795506571983,'firing','critical','IcebergOffloadConsecutiveFailures','bronze_trades_binance','["bronze_trades_binance"]',1772493900386,1772494799439,NULL,1772495999408,'bronze_trades_binance: 6 failures in a row, last success 99 min ago - timed out: too much data, or slow storage or queries','timed out: too much data, or slow storage or queries','1/5','docker exec k2-clickhouse clickhouse-client -q "SELECT 1"','2026-03-03 10:39:59,439 - __main__ - ERROR - ✗ Offload timeout: bronze_trades_binance (>10 minutes)',NULL,0,NULL,NULL);
INSERT INTO "notification" VALUES(3,3,1,1795506571983,'firing','critical','IcebergOffloadSchedulerDown',NULL,'[]',1772498700000,1772498760000,NULL,1772498703935,'the promised run is 2 min late',NULL,NULL,NULL,NULL,NULL,0,NULL,NULL);
INSERT INTO "notification" VALUES(4,1,2,1795506571983,'escalated','critical','IcebergOffloadCycleTooSlow',NULL,'[]',1772493300362,1772493600362,NULL,1772494026218,'not recovered after 6392 h 29 min; the cycle took 10 min',NULL,NULL,NULL,NULL,'Engineering Lead',0,NULL,NULL);
INSERT INTO "notification" VALUES(5,2,2,1795506571983,'escalated','critical','IcebergOffloadConsecutiveFailures','bronze_trades_binance','["bronze_trades_binance"]',1772493900386,1772494799439,NULL,1772495999408,'bronze_trades_binance: not recovered after 6392 h 09 min; 6 failures in a row, last success 99 min ago - timed out: too much data, or slow storage or queries','timed out: too much data, or slow storage or queries','1/5','docker exec k2-clickhouse clickhouse-client -q "SELECT 1"','2026-03-03 10:39:59,439 - __main__ - ERROR - ✗ Offload timeout: bronze_trades_binance (>10 minutes)','Engineering Lead',0,NULL,NULL);
INSERT INTO "notification" VALUES(6,3,2,1796128214600,'escalated','critical','IcebergOffloadSchedulerDown',NULL,'[]',1772498700000,1772498760000,NULL,1772498703935,'scheduler down since 3 Mar 11:45 (273 d 12 h); Engineering Lead told',NULL,NULL,NULL,NULL,'Engineering Lead',0,'iceberg-scheduler-recovery.md',NULL);
CREATE TABLE outbox (  id INTEGER PRIMARY KEY AUTOINCREMENT,  incident_id INTEGER NOT NULL,  notification_id INTEGER NOT NULL,  webhook TEXT NOT NULL,  status TEXT NOT NULL,  created_at INTEGER NOT NULL,  attempts INTEGER NOT NULL DEFAULT 0,  next_attempt_at INTEGER,  delivered_at INTEGER,  last_error TEXT);
INSERT INTO "outbox" VALUES(1,1,1,'stdout','delivered',1795506571983,1,NULL,1795506571983,NULL);
INSERT INTO "outbox" VALUES(2,2,2,'stdout','delivered',1795506571983,1,NULL,1795506571983,NULL);
INSERT INTO "outbox" VALUES(3,3,3,'stdout','delivered',1795506571983,1,NULL,1795506571983,NULL);
INSERT INTO "outbox" VALUES(4,1,4,'stdout','delivered',1795506571983,1,NULL,1795506571997,NULL);
INSERT INTO "outbox" VALUES(5,2,5,'stdout','delivered',1795506571983,1,NULL,1795506571997,NULL);
INSERT INTO "outbox" VALUES(6,3,6,'stdout','delivered',1796128214600,1,NULL,1796128214600,NULL);
CREATE TABLE run (  id INTEGER PRIMARY KEY,  cycle_id INTEGER NOT NULL,  table_name TEXT NOT NULL,  started_at INTEGER NOT NULL,  ended_at INTEGER,  duration_ms INTEGER,  outcome TEXT NOT NULL,  rows INTEGER,  exit_code INTEGER,  error TEXT, rows_from TEXT NOT NULL DEFAULT 'log', witness TEXT, witnessed_rows INTEGER, watermark_at INTEGER, ahead_ms INTEGER, answered_at INTEGER);
INSERT INTO "run" VALUES(1,1,'bronze_trades_binance',1772478432000,1772478437724,5724,'success',112299,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(2,1,'bronze_trades_kraken',1772478437724,1772478444389,6665,'success',2559,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(3,2,'bronze_trades_binance',1772478899658,1772478906373,6715,'success',68714,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(4,2,'bronze_trades_kraken',1772478906373,1772478911630,5257,'success',1657,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(5,3,'bronze_trades_binance',1772479800162,1772479807371,7209,'success',57340,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(6,3,'bronze_trades_kraken',1772479807371,1772479811692,4321,'success',1765,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(7,4,'bronze_trades_binance',1772480700227,1772480705701,5474,'success',106527,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(8,4,'bronze_trades_kraken',1772480705701,1772480710598,4897,'success',2401,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(9,5,'bronze_trades_binance',1772481600123,1772481607567,7444,'success',85049,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(10,5,'bronze_trades_kraken',1772481607567,1772481613357,5790,'success',3904,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(11,6,'bronze_trades_binance',1772482499901,1772482506254,6353,'success',153267,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(12,6,'bronze_trades_kraken',1772482506254,1772482510751,4497,'success',1837,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(13,7,'bronze_trades_binance',1772483400293,1772483407497,7204,'success',154118,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(14,7,'bronze_trades_kraken',1772483407497,1772483412512,5015,'success',10385,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(15,8,'bronze_trades_binance',1772484300045,1772484306823,6778,'success',211171,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(16,8,'bronze_trades_kraken',1772484306823,1772484311287,4464,'success',2157,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(17,9,'bronze_trades_binance',1772485199827,1772485206428,6601,'success',114906,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(18,9,'bronze_trades_kraken',1772485206428,1772485212657,6229,'success',1171,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(19,10,'bronze_trades_binance',1772486100195,1772486106894,6699,'success',174550,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(20,10,'bronze_trades_kraken',1772486106894,1772486113775,6881,'success',4928,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(21,11,'bronze_trades_binance',1772487000283,1772487005775,5492,'success',98398,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(22,11,'bronze_trades_kraken',1772487005775,1772487010502,4727,'success',3430,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(23,12,'bronze_trades_binance',1772487900028,1772487907129,7101,'success',191592,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(24,12,'bronze_trades_kraken',1772487907129,1772487911834,4705,'success',7160,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(25,13,'bronze_trades_binance',1772488800363,1772488806188,5825,'success',120997,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(26,13,'bronze_trades_kraken',1772488806188,1772488811721,5533,'success',2621,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(27,14,'bronze_trades_binance',1772489700265,1772489707707,7442,'success',178700,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(28,14,'bronze_trades_kraken',1772489707707,1772489712268,4561,'success',2279,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(29,15,'bronze_trades_binance',1772490599790,1772490606253,6463,'success',137694,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(30,15,'bronze_trades_kraken',1772490606253,1772490610616,4363,'success',1063,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(31,16,'bronze_trades_binance',1772491500150,1772491505735,5585,'success',73912,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(32,16,'bronze_trades_kraken',1772491505735,1772491510274,4539,'success',3877,NULL,NULL,'iceberg','its Iceberg metadata and the source',3877,1772491500000,1000,1772491511000);
INSERT INTO "run" VALUES(33,17,'bronze_trades_binance',1772492399814,1772492407095,7281,'success',199774,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(34,17,'bronze_trades_kraken',1772492407095,1772492411841,4746,'success',1670,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(35,18,'bronze_trades_binance',1772493300362,1772493900386,600024,'timeout',NULL,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(36,18,'bronze_trades_kraken',1772493900386,1772493906218,5832,'success',1168,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(37,19,'bronze_trades_binance',1772494199392,1772494799439,600047,'timeout',NULL,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(38,19,'bronze_trades_kraken',1772494799439,1772494804193,4754,'success',4468,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(39,20,'bronze_trades_binance',1772495099371,1772495699408,600037,'timeout',NULL,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(40,20,'bronze_trades_kraken',1772495699408,1772495704476,5068,'success',2639,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(41,21,'bronze_trades_binance',1772495999654,1772496599666,600012,'timeout',NULL,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(42,21,'bronze_trades_kraken',1772496599666,1772496605300,5634,'success',4533,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(43,22,'bronze_trades_binance',1772496899470,1772497499515,600045,'timeout',NULL,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(44,22,'bronze_trades_kraken',1772497499515,1772497505469,5954,'success',2132,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(45,23,'bronze_trades_binance',1772497799644,1772498399683,600039,'timeout',NULL,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(46,23,'bronze_trades_kraken',1772498399683,1772498403935,4252,'success',4636,NULL,NULL,'log',NULL,NULL,NULL,NULL,NULL);
CREATE TABLE silence (  id INTEGER PRIMARY KEY,  starts_at INTEGER NOT NULL,  ends_at INTEGER NOT NULL,  reason TEXT,  ended_at INTEGER, alert_glob TEXT, table_glob TEXT, max_severity TEXT NOT NULL DEFAULT 'critical');
INSERT INTO "silence" VALUES(1,1772499000000,1772502600000,'rebuild of one table',NULL,NULL,'bronze_trades_k*','warning');
CREATE TABLE source (  id INTEGER PRIMARY KEY,  device INTEGER NOT NULL,  inode INTEGER NOT NULL,  offset INTEGER NOT NULL,  fingerprint TEXT NOT NULL,  fingerprint_len INTEGER NOT NULL, begun_at INTEGER NOT NULL DEFAULT 0, owner INTEGER NOT NULL DEFAULT -1);
INSERT INTO "source" VALUES(1,65024,11240239,36895,'a1152060457ab4fc',1024,1796128214450,0);
CREATE TABLE state (  key TEXT PRIMARY KEY,  value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "state" VALUES('agent','pid 954
started_ms 1796128214530
alive_ms 1796128214705
writer 2
last_line_ms 1772498403935
behind_bytes 0
lines 0
records 0
events 0
misses 0
limit_hits 0
stray_lines 0
commit_failures 0
log_path =/tmp/iceberg-offload-scheduler.log
log_trouble -
understood 1
blind_missing -
blind_deleted -
blind_not_understood -
blind_summary -
blind_unwritable -
blind_mute -
blind_refused -
next_run_ms 1772498700000
interval_ms 900000
lag_warning_ms 1200000
lag_critical_ms 1800000
cycle_slow_ms 300000
cycle_too_slow_ms 600000
blind.0 =bronze_trades_binance: row counts are blind here (most runs report 0 rows), so a stall cannot be seen in them; a witness would help ([iceberg] warehouse, [source] url)
blind.1 =bronze_trades_kraken: row counts are blind here (most runs report 0 rows), so a stall cannot be seen in them; a witness would help ([iceberg] warehouse, [source] url)
blind.2 =cycle durations: 17 good cycles known, 20 wanted; until then only fixed thresholds
blind_count 3



















































');
INSERT INTO "state" VALUES('engine.life','catching_up 0
sent 1795506571983 1795506571983 1795506571983 1795506571983 1795506571983
escalations 0 0 0 0 1796128214600 0 0 0 0 0
flapping_updates 0 0 0 0 0 0 0 0 0 0
told 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1796128214600 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
interval 900000
interval.promised 
interval.begun 
interval.calm 
interval.promise 0
interval.before 0
interval.is_promised 0
interval.is_gap 0
interval.begin 0
interval.is_broken 0
promise 1772498700000
slot 1772498700000
hung 0
started 1772478432000
starting 0
stopped 0
stopping 0
dead 1795506571997
writer 0
stop_grace 0
stops.at 
stops.away 
restarts 
idle 0
blind.missing 0 0 0
blind.missing.words -
blind.deleted 0 0 0
blind.deleted.words -
blind.not_understood 0 0 0
blind.not_understood.words -
blind.summary 0 0 0
blind.summary.words -
blind.unwritable 0 0 0
blind.unwritable.words -
blind.mute 0 0 0
blind.mute.words -
blind.refused 0 0 0
blind.refused.words -
components.down 0
unit.state 0
unit.since 0
unit.end 0
unit.words -
unit.end_words -
unit.end_cause -
openings.failures 0 0 0 0
openings.lag 0 0 0 0
openings.slow 0 0 0 0
openings.stale 0 0 0 0
openings.down 0 0 0 0
openings.crash_loop 0 0 0 0
openings.success_rate 0 0 0 0
openings.throughput 0 0 0 0
openings.log 0 0 0 0
openings.delivery 0 0 0 0
opening_causes 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
held_ends 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0







');
INSERT INTO "state" VALUES('engine.now','clock 1796128214705
offsets.from 0
offsets 0
asleep_from 0
places 2
cycle.id 23
cycle.started 1772497799644
cycle.ended 1772498403935
cycle.duration 604291
cycle.outcome 2
cycle.tables 2
cycle.succeeded 1
cycle.failed 0
cycle.timed_out 1
cycle.rows 4636
run.id 46
run.cycle 23
run.started 1772498399683
run.ended 1772498403935
run.duration 4252
run.outcome 1
run.rows 4636
run.exit_code -1
run.error =
run.table 1
run.open 0
last_cycle 23
last_run 46
past_cycle 23
started_tables 0
is_stopping 0
sign 1772498403935
slept 0
summary.due 0
summary.early 0
summary.lost 1
summary.open 0
summary.differs 0
summary.missing 0
summary.said 0 0 0
summary.counted 0 0 0
slow.level 2
slow.unusual 0
slow.run_began 0
slow.crossed 0
slow.calm 0
slow.told 0 0 0 0
slow.told.longest 0 0 0 0
last_incident 3








































');
INSERT INTO "state" VALUES('origin','host =vm
');
INSERT INTO "state" VALUES('parser','clock_ms 1772498403935
last_ms 1772498403935
awaited_ms -9223372036854775808
doubt 0
form 0
said 0
said_ms 0
origin_ms 0
failed_ms 0
remaining 0
remaining_bytes 0
parts_follow 0
repeated 0
cycle_began 0
table -
running 0
exception_hash 0
exception_len 0
ended_count 0
ended 
held -
zone =TZ=Australia/Sydney
zone_error_ms 0
in_private_key 0
stamp_chains 
stamp_lines 
stamp_text =
stamp_last 0
stray_lines 0
stray_first_ms 0























');
CREATE TABLE table_state (place INTEGER PRIMARY KEY, value TEXT NOT NULL);
INSERT INTO "table_state" VALUES(0,'table =bronze_trades_binance
first_seen 1772478432000
last_success 1772492407095
suspended 0
last_cycle 23
without 0
absences 
last_failed 1
retired 0
back 0
error -
told -
told_is_old 0
exit_code -1
timed_out 1
spent 600039
moved -1
counted -1
success_run 0
success_cycle 0
proven 1
low_since 0
fail.streak 6
fail.first 1772493900386
fail.counted 1772498399683
fail.guess 0
fail.settled 0
fail.strays 0
fail.strayed 0
fail.flaps 
fail.numbers 
fail.runs 0
fail.failed 0
fail.number 0
stall.runs 17
stall.zeros 0
stall.runs.by 
stall.zeros.by 
stall.few.by 
stall.longest.by 
stall.second.by 
stall.closed 
stall.opened 
stall.longest 0
stall.streak 0
stall.streak.by 
stall.streak.place 
stall.first_zero 0
stall.open_zero 0
stall.first_move 1772478432000
stall.last_move 1772492407095
stall.reported 0
stall.by_witness 0
stall.zero_taken 0
stall.counted_rows 0
stall.doubtful 0
stall.doubted.from 0
stall.doubted 0
stall.closing 0
witnessed.streak 0
witnessed.onset 0
witnessed.counted 0


































');
INSERT INTO "table_state" VALUES(1,'table =bronze_trades_kraken
first_seen 1772478437724
last_success 1772498403935
suspended 0
last_cycle 23
without 0
absences 
last_failed 0
retired 0
back 0
error -
told -
told_is_old 0
exit_code -1
timed_out 1
spent 600039
moved -1
counted -1
success_run 0
success_cycle 0
proven 1
low_since 0
fail.streak 6
fail.first 1772493900386
fail.counted 1772498399683
fail.guess 0
fail.settled 0
fail.strays 0
fail.strayed 0
fail.flaps 
fail.numbers 
fail.runs 0
fail.failed 0
fail.number 0
stall.runs 17
stall.zeros 0
stall.runs.by 
stall.zeros.by 
stall.few.by 
stall.longest.by 
stall.second.by 
stall.closed 
stall.opened 
stall.longest 0
stall.streak 0
stall.streak.by 
stall.streak.place 
stall.first_zero 0
stall.open_zero 0
stall.first_move 1772478437724
stall.last_move 1772492407095
stall.reported 0
stall.by_witness 0
stall.zero_taken 0
stall.counted_rows 0
stall.doubtful 0
stall.doubted.from 0
stall.doubted 0
stall.closing 0
witnessed.streak 0
witnessed.onset 0
witnessed.counted 0



































');
CREATE TABLE table_windows (place INTEGER PRIMARY KEY, value TEXT NOT NULL);
INSERT INTO "table_windows" VALUES(0,'learnt_run 0
durations.at 1772478444389 1772478911630 1772479811692 1772480710598 1772481613357 1772482510751 1772483412512 1772484311287 1772485212657 1772486113775 1772487010502 1772487911834 1772488811721 1772489712268 1772490610616 1772491510274 1772492411841
durations 5724 6715 7209 5474 7444 6353 7204 6778 6601 6699 5492 7101 5825 7442 6463 5585 7281
rows.at 1772478444389 1772478911630 1772479811692 1772480710598 1772481613357 1772482510751 1772483412512 1772484311287 1772485212657 1772486113775 1772487010502 1772487911834 1772488811721 1772489712268 1772490610616 1772491510274 1772492411841
rows 112299 68714 57340 106527 85049 153267 154118 211171 114906 174550 98398 191592 120997 178700 137694 73912 199774
volumes.learnt 0



























');
INSERT INTO "table_windows" VALUES(1,'learnt_run 0
durations.at 1772478444389 1772478911630 1772479811692 1772480710598 1772481613357 1772482510751 1772483412512 1772484311287 1772485212657 1772486113775 1772487010502 1772487911834 1772488811721 1772489712268 1772490610616 1772491510274 1772492411841 1772493906218 1772494804193 1772495704476 1772496605300 1772497505469 1772498403935
durations 6665 5257 4321 4897 5790 4497 5015 4464 6229 6881 4727 4705 5533 4561 4363 4539 4746 5832 4754 5068 5634 5954 4252
rows.at 1772478444389 1772478911630 1772479811692 1772480710598 1772481613357 1772482510751 1772483412512 1772484311287 1772485212657 1772486113775 1772487010502 1772487911834 1772488811721 1772489712268 1772490610616 1772491510274 1772492411841 1772493906218 1772494804193 1772495704476 1772496605300 1772497505469 1772498403935
rows 2559 1657 1765 2401 3904 1837 10385 2157 1171 4928 3430 7160 2621 2279 1063 3877 1670 1168 4468 2639 4533 2132 4636
volumes.learnt 0



















');
CREATE TABLE timeline (  id INTEGER PRIMARY KEY AUTOINCREMENT,  incident_id INTEGER NOT NULL,  at INTEGER NOT NULL,  kind TEXT NOT NULL,  text TEXT NOT NULL,  log_offset INTEGER);
INSERT INTO "timeline" VALUES(1,1,1772493600362,'opened','the cycle has been running for 5 min',NULL);
INSERT INTO "timeline" VALUES(2,1,1772493900362,'escalated','the cycle has been running for 10 min',NULL);
INSERT INTO "timeline" VALUES(3,2,1772494799439,'opened','bronze_trades_binance: 2 failures in a row, last success 39 min ago - timed out: too much data, or slow storage or queries',29612);
INSERT INTO "timeline" VALUES(4,2,1772494799439,'evidence','2026-03-03 10:39:59,439 - __main__ - ERROR - ✗ Offload timeout: bronze_trades_binance (>10 minutes)',29612);
INSERT INTO "timeline" VALUES(5,3,1772498760000,'opened','the promised run is 60 s late',NULL);
INSERT INTO "timeline" VALUES(6,3,1772498820000,'escalated','the promised run is 2 min late',NULL);
INSERT INTO "timeline" VALUES(7,1,1795506571983,'notified','firing critical',NULL);
INSERT INTO "timeline" VALUES(8,2,1795506571983,'notified','firing critical',NULL);
INSERT INTO "timeline" VALUES(9,3,1795506571983,'notified','firing critical',NULL);
INSERT INTO "timeline" VALUES(10,1,1795506571983,'notified','escalated critical',NULL);
INSERT INTO "timeline" VALUES(11,2,1795506571983,'notified','escalated critical',NULL);
INSERT INTO "timeline" VALUES(12,2,1772495120000,'acknowledged','Acknowledged by grace',NULL);
INSERT INTO "timeline" VALUES(13,3,1796128214600,'notified','escalated critical',NULL);
CREATE TABLE witness (  name TEXT PRIMARY KEY,  state TEXT NOT NULL,  words TEXT NOT NULL,  said_at INTEGER,  since_at INTEGER) WITHOUT ROWID;
INSERT INTO "witness" VALUES('host','well','disks and memory have room',1796128214605,1796128214605);
CREATE INDEX acknowledgement_incident ON acknowledgement (incident_id);
CREATE INDEX cycle_started ON cycle (started_at);
CREATE INDEX run_cycle ON run (cycle_id);
CREATE INDEX incident_opened ON incident (opened_at);
CREATE INDEX timeline_incident ON timeline (incident_id);
CREATE INDEX notification_incident ON notification (incident_id);
CREATE INDEX outbox_pending ON outbox (webhook, id) WHERE status = 'pending';
CREATE INDEX outbox_incident ON outbox (incident_id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('timeline',13);
INSERT INTO "sqlite_sequence" VALUES('notification',6);
INSERT INTO "sqlite_sequence" VALUES('outbox',6);
COMMIT;
