require('./index.js').run('rollback');
