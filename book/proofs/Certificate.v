(** A saved certificate of the squared loss, its check, and the theorem that the check proves both claims. *)

Require Import ZArith Reals Lra Lia List Bool.
From Certificates Require Import Duality Dyadic Cones Trees Definite.
Import ListNotations.

(** Rectified linear units of the rows of data (one output; the trees prove that no unit gains more than it costs), or a
    product of matrices. *)
Inductive layer :=
| Units (data : list (list dyadic)) (plus_side minus_side : list tree)
| Product.

Record certificate := {
  hidden : layer;
  inputs : nat;   (* d: how many numbers u has *)
  outputs : nat;  (* c: how many numbers v has *)
  Y : list (list dyadic);
  lam : dyadic;
  weights : list (list dyadic * list dyadic);  (* u and v of each unit *)
  G : list (list dyadic);
  claimed_objective : dyadic;
  claimed_lower_bound : dyadic;
}.

(** What the two claims speak of: objectives of networks, over the real numbers. *)
Definition functions (C : certificate) : list (list R -> R) :=
  match hidden C with Units data _ _ => relu_layer (map values data) | Product => no_layer (length (Y C)) end.

Definition objective_of (C : certificate) (net : network) : R :=
  objective (functions C) (map values (Y C)) (value (lam C)) net (outputs C).

Definition own (C : certificate) : network := map (fun w => (values (fst w), values (snd w))) (weights C).

Definition claims (C : certificate) : Prop :=
  (objective_of C (own C) <= value (claimed_objective C))%R /\
  (forall net, shaped (inputs C) (outputs C) net -> (value (claimed_lower_bound C) <= objective_of C net)%R).

(** The check. *)
Definition heights (C : certificate) : list (list dyadic -> dyadic) :=
  match hidden C with
  | Units data _ _ => map (fun s u => positive_part (dotted s u)) data
  | Product => map (fun i u => nth i u zero) (seq 0 (length (Y C)))
  end.

Fixpoint output_at (h : list dyadic -> dyadic) (c : nat) (net : list (list dyadic * list dyadic)) : list dyadic :=
  match net with (u, v) :: net' => added (scaled (h u) v) (output_at h c net') | [] => repeat zero c end.

Fixpoint distance (x y : list dyadic) : dyadic :=
  match x, y with
  | a :: x', b :: y' => plus (times (minus a b) (minus a b)) (distance x' y')
  | _, _ => zero
  end.

Fixpoint loss_at (hs : list (list dyadic -> dyadic)) (Y : list (list dyadic)) c net : dyadic :=
  match hs, Y with
  | h :: hs', y :: Y' => plus (times half (distance (output_at h c net) y)) (loss_at hs' Y' c net)
  | _, _ => zero
  end.

Fixpoint cost_at (net : list (list dyadic * list dyadic)) : dyadic :=
  match net with (u, v) :: net' => plus (times half (plus (dotted u u) (dotted v v))) (cost_at net') | [] => zero end.

Fixpoint dual_at (G Y : list (list dyadic)) : dyadic :=
  match G, Y with
  | g :: G', y :: Y' => minus (minus (dual_at G' Y') (times half (dotted g g))) (dotted g y)
  | _, _ => zero
  end.

Definition wide {A} (c : nat) : list (list A) -> bool := forallb (fun row => length row =? c)%nat.

Definition signed (f : dyadic -> dyadic) (data G : list (list dyadic)) : rows :=
  map (fun p => (f (nth 0 (fst p) zero), snd p)) (combine G data).

Definition no_gain (C : certificate) : bool :=
  match hidden C with
  | Units data plus_side minus_side =>
      (length data =? length (Y C))%nat && (outputs C =? 1)%nat
      && side_ok (inputs C) (signed opposite data (G C)) (lam C) plus_side
      && side_ok (inputs C) (signed (fun x => x) data (G C)) (lam C) minus_side
  | Product => (inputs C =? length (Y C))%nat && spectral_ok (outputs C) (G C) (lam C)
  end.

Definition check (C : certificate) : bool :=
  negb (at_most (lam C) zero)
  && (length (G C) =? length (Y C))%nat && wide (outputs C) (G C) && wide (outputs C) (Y C)
  && forallb (fun w => (length (fst w) =? inputs C) && (length (snd w) =? outputs C))%nat (weights C)
  && at_most (plus (loss_at (heights C) (Y C) (outputs C) (weights C)) (times (lam C) (cost_at (weights C))))
       (claimed_objective C)
  && at_most (claimed_lower_bound C) (dual_at (G C) (Y C))
  && no_gain C.

Open Scope R_scope.

Lemma value_output h f c net : (forall u, value (h u) = f (values u)) ->
  values (output_at h c net) = output f c (map (fun w => (values (fst w), values (snd w))) net).
Proof.
  intros E. induction net as [|[u v] net IH]; simpl; [apply values_repeat|].
  rewrite values_added, values_scaled, E. now rewrite IH.
Qed.

Lemma value_distance x : forall y, value (distance x y) = squares (values x) (values y).
Proof.
  induction x as [|a x IH]; intros [|b y]; simpl; try apply value_zero.
  rewrite value_plus, value_times, value_minus, IH. reflexivity.
Qed.

Lemma value_loss c net : forall hs fs, Forall2 (fun h f => forall u, value (h u) = f (values u)) hs fs -> forall Y,
  value (loss_at hs Y c net) = loss fs (map values Y) c (map (fun w => (values (fst w), values (snd w))) net).
Proof.
  induction 1 as [|h f hs fs E F IH]; intros [|y Y]; simpl; try apply value_zero.
  rewrite value_plus, value_times, value_half, value_distance, (value_output h f c net E), IH. field.
Qed.

Lemma value_cost net : value (cost_at net) = cost (map (fun w => (values (fst w), values (snd w))) net).
Proof.
  induction net as [|[u v] net IH]; simpl; [apply value_zero|].
  rewrite value_plus, value_times, value_half, value_plus, !value_dotted, IH. field.
Qed.

Lemma value_dual G : forall Y, value (dual_at G Y) = dual_value (map values G) (map values Y).
Proof.
  induction G as [|g G IH]; intros [|y Y]; simpl; try apply value_zero.
  rewrite !value_minus, value_times, value_half, !value_dotted, IH. field.
Qed.

Lemma heights_right C : Forall2 (fun h f => forall u, value (h u) = f (values u)) (heights C) (functions C).
Proof.
  unfold heights, functions. destruct (hidden C) as [data p m|].
  - unfold relu_layer. induction data as [|s data IH]; simpl; constructor; auto.
    intros u. now rewrite value_positive_part, value_dotted.
  - unfold no_layer. induction (seq 0 (length (Y C))) as [|i l IH]; simpl; constructor; auto.
    intros u. rewrite <- value_zero. symmetry. apply map_nth.
Qed.

Lemma wide_sound c M : wide c M = true -> Forall (fun row : list dyadic => length row = c) M.
Proof. intros H. apply Forall_forall. intros row I. unfold wide in H. rewrite forallb_forall in H. now apply Nat.eqb_eq, H. Qed.

Lemma columns_values c M : Forall (fun row : list dyadic => length row = c) M -> columns c (map values M).
Proof. intros F. unfold columns. induction F; simpl; constructor; auto. unfold values. now rewrite map_length. Qed.

Lemma gain_signed f s u v : (forall x, value (f x) = s * value x) -> forall data G, length G = length data ->
  Forall (fun g => length g = 1%nat) G ->
  gain (relu_layer (map values data)) (map values G) u [v] * s = correlation (signed f data G) u * v.
Proof.
  intros E. induction data as [|r data IH]; intros [|g G] L F; simpl in *; try discriminate; try ring.
  injection L as L. inversion_clear F. destruct g as [|a [|]]; try discriminate. simpl.
  unfold relu_layer, signed in IH. rewrite Rmult_plus_distr_r, IH, E by auto. ring.
Qed.

Lemma no_gain_sound C : 0 < value (lam C) -> length (G C) = length (Y C) ->
  Forall (fun g => length g = outputs C) (G C) -> no_gain C = true ->
  feasible (functions C) (map values (G C)) (value (lam C)) (inputs C) (outputs C).
Proof.
  intros P L F H. unfold no_gain, functions in *. destruct (hidden C) as [data plus_side minus_side|].
  - rewrite !andb_true_iff in H. destruct H as [[[E O] A] B]. apply Nat.eqb_eq in E, O. rewrite O in *.
    intros u v U V. destruct v as [|v [|]]; try discriminate.
    pose proof (gain_signed opposite (-1) u v) as M. pose proof (gain_signed (fun x => x) 1 u v) as N.
    specialize (M ltac:(intros; rewrite value_opposite; ring) data (G C) ltac:(lia) F).
    specialize (N ltac:(intros; now rewrite Rmult_1_l) data (G C) ltac:(lia) F).
    simpl (dot [v] [v]). destruct (Rle_dec 0 v) as [W|W].
    + pose proof (below_costs _ _ u v P W (side_sound _ _ _ _ u U A)). nra.
    + pose proof (below_costs _ _ u (- v) P ltac:(lra) (side_sound _ _ _ _ u U B)). nra.
  - apply andb_true_iff in H as [E H]. apply Nat.eqb_eq in E. rewrite E, <- L. now apply spectral_sound.
Qed.

Theorem check_sound C : check C = true -> claims C.
Proof.
  unfold check. rewrite !andb_true_iff. intros [[[[[[[P L] A] B] _] O] D] N].
  apply positive_sound in P. apply Nat.eqb_eq in L. apply wide_sound in A, B. apply at_most_sound in O, D.
  split.
  - rewrite value_plus, value_times, (value_loss _ _ _ _ (heights_right C)), value_cost in O. exact O.
  - intros net W. eapply Rle_trans; [exact D|]. rewrite value_dual. unfold objective_of.
    eapply weak_duality; eauto using columns_values.
    + apply no_gain_sound; auto.
    + rewrite map_length. unfold functions. destruct (hidden C) as [data p m|] eqn:E.
      * unfold no_gain in N. rewrite E, !andb_true_iff in N. destruct N as [[[N _] _] _]. apply Nat.eqb_eq in N.
        unfold relu_layer. now rewrite !map_length.
      * unfold no_layer. now rewrite map_length, seq_length.
    + now rewrite !map_length.
Qed.
